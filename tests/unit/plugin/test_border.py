"""What a part raises or returns against its role counts as unavailable for that call."""

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import FrozenInstanceError, replace
from typing import Any

import pytest

from facilitator.cardano.refusals import Proof
from facilitator.cardano.transaction import Output, OutputRef, Value
from facilitator.client.errors import CannotPay, OutcomeNotKnown
from facilitator.clock import SystemClock
from facilitator.errors import EndedBySignal
from facilitator.plugin.answers import WrongAnswer
from facilitator.plugin.border import guard
from facilitator.plugin.role_borders import ROLES
from facilitator.plugin.time_limits import Outcome
from facilitator.plugin.watch import Caller
from facilitator.roles.chain import (
    AwaitsBlocks,
    Block,
    HasPlan,
    InBlock,
    Point,
    ReadsLedgerState,
    Spent,
    Tip,
    Unspent,
)
from facilitator.roles.chain_errors import (
    ChainUnavailable,
    PointNotFound,
    ProviderBehind,
    SubmissionRejected,
    SubmissionUnknown,
)
from facilitator.roles.chain_spenders import SpentBy
from facilitator.roles.payment import PaymentView
from facilitator.roles.rate_limit import RateDecision
from facilitator.roles.refused import Refused
from facilitator.roles.sharing import Lease, SharesChain
from facilitator.roles.storage import HasServerTime, StorageUnavailable
from facilitator.testing.examples import example_claim
from facilitator.testing.running import NETWORK
from facilitator.x402.reasons import Reason
from facilitator_devnet.devnet import Devnet
from facilitator_memory.storage import MemoryStorage
from support.payment_views import PAYMENT, TERMS

REF = OutputRef(bytes.fromhex("ab" * 32), 0)
POINT = Point(1, "ab" * 32)

Faults = list[tuple[BaseException, str]]


class Own(BaseException):
    """An exception that no handler of ``Exception`` sees."""


class Scripted:
    """A part whose every method does the same."""

    def __init__(self, act: Callable[[], Any]) -> None:
        self._act = act

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *_, **__: self._act()


def raising(error: BaseException) -> Scripted:
    def act() -> Any:
        raise error

    return Scripted(act)


def returning(value: object) -> Scripted:
    return Scripted(lambda: value)


class AtOnce:
    """Makes every call at once, as far as the border can see."""

    def __init__(self, on_fault: Callable[[BaseException, str], None]) -> None:
        self._on_fault = on_fault

    def in_time(self, call: Callable[[], Any]) -> Outcome:
        try:
            return Outcome(call(), None)
        except BaseException as error:
            return Outcome(None, error)

    def later(self, method: str, call: Callable[[], Any]) -> Outcome:
        if (error := self.in_time(call).error) is not None:
            self._on_fault(error, method)
        return Outcome(None, None)

    at_end = in_scheme_time = in_time

    def watching(self, method: str) -> Caller:  # noqa: ARG002
        return lambda function, given, named: function(*given, **named)


def guarded(hook: str, part: object, faults: Faults | None = None) -> Any:
    def on_fault(error: BaseException, method: str) -> None:
        if faults is not None:
            faults.append((error, method))

    return guard(hook, part, "mine", on_fault, AtOnce(on_fault))


def in_a_worker(call: Callable[[], Any]) -> BaseException | Any:
    """Return what the call returns or raises in a thread other than the main one."""
    outcome: list[Any] = []

    def run() -> None:
        try:
            outcome.append(call())
        except BaseException as error:
            outcome.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return outcome[0]


FOREIGN = [
    KeyError("row"),
    SystemExit(3),
    KeyboardInterrupt(),
    GeneratorExit(),
    Own("mine"),
    MemoryError(),
    StorageUnavailable("not of this role"),
]
CALLS: Mapping[str, tuple[Any, ...]] = {
    "tip": (),
    "outputs": ([REF],),
    "transaction": ("ab" * 32,),
    "blocks_after": (POINT,),
    "parameters": (),
    "eras": (),
    "await_block": (POINT, 1.0),
    "ledger_state": (None,),
    "evaluate": (b"", {}),
    "network_magic": (),
    "spender": (REF,),
    "examine": (),
}
SUBMIT = {"submit": (b"",)}


@pytest.mark.parametrize("error", FOREIGN, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("method", CALLS)
def test_a_provider_that_raises_cannot_be_asked(method: str, error: BaseException) -> None:
    faults: Faults = []
    chain = guarded("chain_provider", raising(error), faults)
    raised = in_a_worker(lambda: getattr(chain, method)(*CALLS[method]))
    assert type(raised) is ChainUnavailable
    assert raised.__cause__ is error
    assert str(raised) == f"the provider failed in {method} ({type(error).__name__})"
    assert faults == [(error, method)]


@pytest.mark.parametrize("error", [*FOREIGN, PointNotFound()], ids=lambda each: type(each).__name__)
def test_what_a_submission_raises_leaves_its_outcome_unknown(error: BaseException) -> None:
    chain = guarded("chain_provider", raising(error))
    assert type(in_a_worker(lambda: chain.submit(b""))) is SubmissionUnknown


@pytest.mark.parametrize("answer", [None, 5, b"ab"])
def test_a_submission_without_an_id_leaves_its_outcome_unknown(answer: object) -> None:
    with pytest.raises(SubmissionUnknown):
        guarded("chain_provider", returning(answer)).submit(b"")


class Payer:
    """Pays, and signs, as one function says."""

    address = b"\x60" + bytes(28)

    def __init__(self, act: Callable[[], Any]) -> None:
        self._act = act

    def pay(self, order: Any) -> Any:  # noqa: ARG002
        return self._act()

    take_back = sign = pay


def raises(error: BaseException) -> Callable[[], Any]:
    def act() -> Any:
        raise error

    return act


@pytest.mark.parametrize("method", ["pay", "take_back"])
@pytest.mark.parametrize("error", FOREIGN, ids=lambda error: type(error).__name__)
def test_what_a_payer_raises_leaves_its_outcome_unknown(method: str, error: BaseException) -> None:
    faults: Faults = []
    payer = guarded("payers", Payer(raises(error)), faults)
    raised = in_a_worker(lambda: getattr(payer, method)(None))
    assert type(raised) is OutcomeNotKnown
    assert f"plugin 'mine' failed in {method}: {type(error).__name__}" in str(raised)
    assert faults == [(error, method)]


def test_a_payer_that_returns_nothing_leaves_its_outcome_unknown() -> None:
    with pytest.raises(OutcomeNotKnown):
        guarded("payers", Payer(lambda: None)).pay(None)


@pytest.mark.parametrize("error", FOREIGN, ids=lambda error: type(error).__name__)
def test_what_a_wallet_raises_keeps_from_paying(error: BaseException) -> None:
    wallet = guarded("wallets", Payer(raises(error)))
    raised = in_a_worker(lambda: wallet.sign(bytes(32)))
    assert type(raised) is CannotPay
    assert "plugin 'mine'" in str(raised)


@pytest.mark.parametrize("hook", ["payers", "wallets"])
@pytest.mark.parametrize("error", [CannotPay("no"), OutcomeNotKnown("?"), OSError("away")])
def test_an_error_of_the_paying_client_stays_as_it_is(hook: str, error: Exception) -> None:
    faults: Faults = []
    part = guarded(hook, Payer(raises(error)), faults)
    call = part.pay if hook == "payers" else part.sign
    assert in_a_worker(lambda: call(bytes(32))) is error
    assert faults == []


def rejected_without_proof() -> SubmissionRejected:
    error = SubmissionRejected("no", proves=Proof.NOTHING)
    del error.proves
    return error


@pytest.mark.parametrize(
    ("method", "error"),
    [
        ("submit", SubmissionRejected("BadInputsUTxO")),
        ("submit", SubmissionUnknown("cut")),
        ("submit", ChainUnavailable("not sent")),
        ("blocks_after", PointNotFound()),
        ("outputs", ChainUnavailable("away")),
        ("outputs", ProviderBehind("behind")),
    ],
)
def test_what_the_role_names_passes_unchanged(method: str, error: Exception) -> None:
    faults: Faults = []
    chain = guarded("chain_provider", raising(error), faults)
    with pytest.raises(type(error)) as raised:
        getattr(chain, method)(POINT)
    assert raised.value is error
    assert faults == []


@pytest.mark.parametrize(
    ("method", "error"),
    [
        ("outputs", SubmissionUnknown("cut")),
        ("outputs", SubmissionRejected("no")),
        ("tip", PointNotFound()),
        ("submit", rejected_without_proof()),
    ],
)
def test_an_error_of_another_method_is_not_named(method: str, error: Exception) -> None:
    faults: Faults = []
    with pytest.raises(ChainUnavailable):
        getattr(guarded("chain_provider", raising(error), faults), method)([REF])
    assert faults == [(error, method)]


@pytest.mark.parametrize(
    ("method", "answer"),
    [
        ("tip", None),
        ("tip", (POINT, 1)),
        ("tip", Tip((1, "ab"), 1)),  # type: ignore[arg-type]
        ("outputs", None),
        ("outputs", [REF]),
        ("outputs", {}),
        ("outputs", {REF: None}),
        ("outputs", {REF: Unspent(None)}),  # type: ignore[arg-type]
        ("transaction", None),
        ("transaction", InBlock(None, 1)),  # type: ignore[arg-type]
        ("blocks_after", None),
        ("blocks_after", [None]),
        ("blocks_after", iter([])),
        ("parameters", {}),
        ("eras", "conway"),
        ("evaluate", None),
        ("network_magic", "1"),
        ("spender", SpentBy("ab" * 32, None, (REF,), (REF,))),  # type: ignore[arg-type]
        ("spender", SpentBy("ab" * 32, None, (REF,), ((REF,),))),  # type: ignore[arg-type]
        # Ids and hashes that would be compared in vain.
        ("tip", Tip(Point(1, "AB" * 32), 1)),
        ("transaction", InBlock(Point(1, "AB" * 32), 1)),
        ("transaction", InBlock(Point(1, ""), 1)),
        ("outputs", {REF: Spent("AB" * 32)}),
        ("outputs", {REF: Spent("ab")}),
        ("spender", SpentBy("AB" * 32, None, (REF,), ())),
        ("spender", SpentBy("ab" * 32, InBlock(Point(1, "AB" * 32), 1), (REF,), ())),
        ("spender", SpentBy("ab" * 32, None, (REF._replace(index=1),), ())),
        ("submit", "AB" * 32),
    ],
)
def test_a_provider_s_wrong_answer_is_none(method: str, answer: object) -> None:
    faults: Faults = []
    chain = guarded("chain_provider", returning(answer), faults)
    with pytest.raises(ChainUnavailable, match=rf"failed in {method} \(WrongAnswer\)"):
        getattr(chain, method)(*(SUBMIT.get(method) or CALLS[method]))
    ((error, named),) = faults
    assert isinstance(error, WrongAnswer)
    assert named == method


def test_right_answers_pass() -> None:
    spent = {REF: Spent()}
    assert guarded("chain_provider", returning(spent)).outputs([REF]) is spent
    assert guarded("chain_provider", returning([])).blocks_after(POINT) == []
    output = Output(b"\x60" + bytes(28), Value(1, {}), 0)
    spender = SpentBy("ab" * 32, None, (REF,), ((REF, output),))
    assert guarded("chain_provider", returning(spender)).spender(REF) is spender
    assert guarded("rate_limiter", returning(RateDecision(True, 1, 0, 1))).hit("a", sensitive=True)


@pytest.mark.parametrize("error", FOREIGN[:-1], ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("method", ["claim", "change_claim", "ping", "server_time", "lead"])
def test_a_storage_that_raises_does_not_work(method: str, error: BaseException) -> None:
    storage = guarded("storage", raising(error))
    raised = in_a_worker(lambda: getattr(storage, method)("ab" * 32))
    assert type(raised) is StorageUnavailable
    assert str(raised) == f"it failed in {method} ({type(error).__name__})"
    assert raised.detail.startswith(f"plugin mine failed in {method}: {type(error).__name__}")


@pytest.mark.parametrize(
    ("method", "answer"),
    [
        ("claim", b"{}"),
        ("claim", example_claim(state="submitted")),
        ("change_claim", None),
        ("open_claims", [None]),
        ("reserve", True),
        ("bound_to", b"value"),
        ("bind_key", None),
        ("server_time", "now"),
        ("lead", Lease(5, 1.0)),  # type: ignore[arg-type]
        ("shared_outputs", {"a": b""}),
    ],
)
def test_a_storage_s_wrong_answer_is_none(method: str, answer: object) -> None:
    with pytest.raises(StorageUnavailable, match=rf"failed in {method} \(WrongAnswer\)"):
        getattr(guarded("storage", returning(answer)), method)("ab" * 32)


def test_storages_say_whatever_they_may_say() -> None:
    for answer in (None, example_claim()):
        assert guarded("storage", returning(answer)).claim("ab" * 32) is answer
    assert guarded("storage", returning(1_790_000_000)).server_time()


@pytest.mark.parametrize(("hook", "method"), [("chain_provider", "tip"), ("storage", "ping")])
def test_a_signal_ends_the_process_all_the_same(hook: str, method: str) -> None:
    for error in (EndedBySignal(0), KeyboardInterrupt()):
        with pytest.raises(type(error)):
            getattr(guarded(hook, raising(error)), method)()
    with pytest.raises((ChainUnavailable, StorageUnavailable)):
        getattr(guarded(hook, raising(SystemExit(0))), method)()


def test_a_meter_that_raises_changes_nothing() -> None:
    faults: Faults = []
    guarded("meter", raising(KeyError("x")), faults).count("metric")
    assert [method for _, method in faults] == ["count"]


@pytest.mark.parametrize("hook", ["chain_provider", "storage", "rate_limiter"])
def test_a_part_that_cannot_be_closed_is_reported(hook: str) -> None:
    faults: Faults = []
    guarded(hook, raising(OSError("busy")), faults).close()
    assert [method for _, method in faults] == ["close"]


def test_a_transfer_method_that_raises_refuses_for_now() -> None:
    with pytest.raises(Refused) as raised:
        guarded("transfer_methods", raising(KeyError("term"))).check(None, None)
    assert raised.value.reason is Reason.VERIFICATION_ERROR
    assert raised.value.message == "the check by plugin 'mine' failed, try again later"
    refused = Refused("mine", "no")
    with pytest.raises(Refused) as raised:
        guarded("transfer_methods", raising(refused)).check(None, None)
    assert raised.value is refused


def block(number: int, **other: Any) -> Block:
    parent = f"{number - 1:064x}"
    made = Block(Point(number, f"{number:064x}"), number, parent, ("ab" * 32,), frozenset())
    return replace(made, **other)


@pytest.mark.parametrize(
    "wrong",
    [
        {"transactions": ("AB" * 32,)},
        {"transactions": ("ab" * 31,)},
        {"point": Point(2, "0X" * 32)},
        {"height": 3},
        {"parent": "ab" * 32},
        {"point": Point(1, f"{2:064x}")},
        {"spent": frozenset({OutputRef("ab" * 32, 0)})},  # type: ignore[arg-type]
        {"spent": frozenset({OutputRef(b"\xab", 0)})},
    ],
)
def test_blocks_that_would_be_misread_are_no_answer(wrong: dict[str, Any]) -> None:
    """A transaction named in another way would be awaited for ever."""
    good = [block(1), block(2), block(3)]
    assert guarded("chain_provider", returning(good)).blocks_after(POINT) == good
    faults: Faults = []
    bad = [block(1), block(2, **wrong)]
    with pytest.raises(ChainUnavailable):
        guarded("chain_provider", returning(bad), faults).blocks_after(POINT)
    assert isinstance(faults[0][0], WrongAnswer)


@pytest.mark.parametrize("hook", ["transfer_methods", "schemes"])
def test_a_method_that_sets_fields_of_a_payment_changes_its_own_copy(hook: str) -> None:
    terms = replace(TERMS, requirements=replace(TERMS.requirements))

    class Lowers:
        def check(self, payment: PaymentView, *_: object) -> None:
            for each, field in (
                (payment.terms.requirements, "amount"),
                (payment.terms, "amount"),
                (payment, "terms"),
            ):
                with suppress(FrozenInstanceError):  # in Python's development mode
                    setattr(each, field, "0")

    view = PaymentView("ab" * 32, terms)
    guarded(hook, Lowers()).check(view, None)
    assert view == PAYMENT
    guarded("transfer_methods", Lowers()).check(payment=view)
    assert view == PAYMENT


def test_where_reports_go_may_fail() -> None:
    faults: Faults = []
    reporter = guarded("error_reporter", raising(ConnectionError("no answer")), faults)
    with pytest.raises(ConnectionError):
        reporter.where()
    reporter.report(KeyError("x"), {})
    reporter.flush(1.0)
    assert [method for _, method in faults] == ["report", "flush"]


def test_a_part_offers_what_it_did_and_no_more() -> None:
    devnet = Devnet(NETWORK, SystemClock())
    chain = guarded("chain_provider", devnet)
    optional = [isinstance(chain, each) for each in (AwaitsBlocks, ReadsLedgerState, HasPlan)]
    assert optional == [True, True, False]
    assert chain.is_devnet
    assert chain.tip() == devnet.tip()
    chain.close()
    storage = guarded("storage", MemoryStorage())
    assert not isinstance(storage, SharesChain | HasServerTime)


def test_properties_have_a_border_too() -> None:
    class Slow(Devnet):
        poll_seconds = property(lambda _: 1 // 0)

    chain = guarded("chain_provider", Slow.__new__(Slow))
    with pytest.raises(ChainUnavailable, match="failed in poll_seconds"):
        _ = chain.poll_seconds


def test_every_role_that_payments_need_has_a_border() -> None:
    roles = {"chain_provider", "storage", "rate_limiter", "meter", "transfer_methods"}
    roles |= {"schemes", "payment_ledger", "payers", "wallets"}
    assert set(ROLES) == {*roles, "error_reporter"}
