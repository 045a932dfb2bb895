"""``exact`` and a toy scheme pass the contract of schemes, which catches what is planted."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import replace
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from facilitator.clock import SystemClock
from facilitator.exact.built_in import BUILT_IN_METHODS
from facilitator.exact.scheme import ExactScheme
from facilitator.exact.verification import Verifier, in_process
from facilitator.plugin.context import Context
from facilitator.roles.claim import NO_END
from facilitator.roles.refused import Refused
from facilitator.roles.scheme import Answer, Scheme, SchemePayment, UniqueTerms
from facilitator.roles.scheme_chain import SchemeChain
from facilitator.settings import Settings, load_settings
from facilitator.testing.clock import ManualClock
from facilitator.testing.payments import ALICE, MERCHANT, genesis_utxos, request_body, requirements
from facilitator.testing.running import NETWORK, NOW
from facilitator.testing.scheme import SchemeContract
from facilitator.x402.messages import PaymentRequest, parse_payment_request
from facilitator.x402.networks import PREVIEW
from facilitator_devnet.devnet import Devnet
from facilitator_devnet.genesis import PARAMETERS
from facilitator_devnet.wallet import pay
from support.contracts import failures
from support.tip import TipScheme


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return load_settings(None, {}, tmp_path_factory.mktemp("settings"))


@pytest.fixture(scope="module")
def tips(loaded: Settings) -> Iterator[TipScheme]:
    with closing(Devnet(NETWORK, ManualClock(NOW))) as devnet:
        chain = SchemeChain(devnet, devnet.outputs, in_process)
        yield TipScheme(Context(loaded, ManualClock(NOW)), {NETWORK: chain})


def request_of(scheme: str, **payload: str) -> PaymentRequest:
    terms = {**requirements(), "scheme": scheme}
    ref, output = next(iter(genesis_utxos(ALICE).items()))
    clock = ManualClock(NOW)
    with closing(Devnet(NETWORK, clock)) as devnet:
        signed = pay(
            ALICE,
            {ref: output},
            MERCHANT.address,
            int(terms["amount"]),
            parameters=PARAMETERS,
            ttl=devnet.now() + 300,
        )
    body = request_body(signed, terms)
    body["paymentPayload"]["payload"] |= payload
    return parse_payment_request(body)


class TestExact(SchemeContract):
    @pytest.fixture
    def scheme(self) -> Iterator[Scheme]:
        with closing(Devnet(NETWORK, ManualClock(NOW))) as devnet:
            yield ExactScheme(Verifier({NETWORK: devnet}, BUILT_IN_METHODS, ManualClock(NOW)))

    @pytest.fixture
    def paid(self) -> PaymentRequest:
        return request_of("exact")


class TestTip(SchemeContract):
    @pytest.fixture
    def scheme(self, tips: TipScheme) -> Scheme:
        return tips

    @pytest.fixture
    def restarted(self, loaded: Settings) -> Scheme:
        return TipScheme(Context(loaded, SystemClock()), {})

    @pytest.fixture
    def paid(self) -> PaymentRequest:
        return request_of("tip", note="for the band")


# --- Planted faults ---------------------------------------------------------------------------


class Planted:
    """The toy with one method that is wrong."""

    def __init__(self, scheme: TipScheme, **methods: Callable[..., Any]) -> None:
        self._scheme = scheme
        self._methods = methods

    def __getattr__(self, name: str) -> Any:
        own = getattr(self._scheme, name)
        planted = self._methods.get(name)
        return own if planted is None else partial(planted, own)


def changed(**fields: Any) -> Callable[..., Any]:
    """A method whose payment has other fields."""
    return lambda own, *given: replace(own(*given), **fields)


def numbered() -> Callable[..., Any]:
    numbers = count()
    return lambda own, *given: replace(own(*given), record=f"{next(numbers)}".encode())


def one_key(until: float) -> Callable[..., Any]:
    return lambda own, payment: UniqueTerms("x", until)  # noqa: ARG005


def any_recipient(own: Callable[..., Any], payment: SchemePayment) -> Any:
    with suppress(Refused):
        own(payment)


def served_at_once(own: Callable[..., Any], *given: Any) -> Any:
    payment = own(*given)
    return replace(payment, terms=replace(payment.terms, confirmations=0))


def with_file(own: Callable[..., Any], *given: Any) -> Any:
    Path(__file__).read_bytes()
    return own(*given)


def only_requirements(own: Callable[..., Any], request: PaymentRequest, origin: Any) -> Any:
    return own(replace(request, accepted=request.requirements), origin)


def raising(own: Callable[..., Any], request: PaymentRequest, origin: Any) -> Any:
    if "note" in request.payload:
        request.payload["note"].encode()
    return own(request, origin)


def undeclared(own: Callable[..., Any], payment: SchemePayment) -> Any:
    try:
        return own(payment)
    except Refused as refused:
        raise Refused("secret_reason", refused.message) from None


def from_memory() -> Mapping[str, Callable[..., Any]]:
    """A scheme that answers from what it remembers, which another process does not."""
    kept: list[str] = []

    def prepare(own: Callable[..., Any], payment: SchemePayment) -> Any:
        kept.append(payment.transaction_id)
        return own(payment)

    return {
        "prepare": prepare,
        "answer": lambda _, claim: Answer(claim.amount, {"number": len(kept.pop())}),
    }


READ, PREPARE = (
    "test_a_payment_is_read_alike_each_time",
    "test_a_payment_is_prepared_alike_each_time",
)
VALID, IO = "test_a_payment_is_valid", "test_only_the_verdict_does_io"
BYTES = "test_a_payment_is_what_its_bytes_say"
ALONE = "test_the_answer_needs_the_claim_alone"
PLANTED: Mapping[str, tuple[Mapping[str, Callable[..., Any]], str]] = {
    "another record each time": ({"read": numbered()}, READ),
    "another preparation each time": ({"prepare": numbered()}, PREPARE),
    "another id": ({"prepare": changed(transaction_id="ab" * 32)}, PREPARE),
    "no id": ({"read": changed(transaction_id="")}, READ),
    "no bytes": ({"read": changed(transaction=b"")}, READ),
    "a foreign network": ({"read": lambda own, *given: elsewhere(own(*given))}, READ),
    "a long record": ({"read": changed(record=bytes(5000))}, READ),
    "a record that changes": ({"read": changed(record=bytearray(2))}, ALONE),
    "another id throughout": (
        {name: changed(transaction_id="ab" * 32) for name in ("read", "prepare")},
        BYTES,
    ),
    "an end of its own": ({"prepare": changed(invalid_hereafter=NO_END)}, BYTES),
    "other inputs": ({"prepare": changed(inputs=frozenset({f"{'ab' * 32}#0"}))}, BYTES),
    "another depth": (
        {"read": served_at_once},
        "test_the_confirmations_are_those_of_the_requirements",
    ),
    "unique for a moment": (
        {"unique_terms": one_key(1.0)},
        "test_unique_terms_hold_while_the_payment_may_land",
    ),
    "any recipient": ({"check": any_recipient}, "test_a_payment_to_another_is_refused"),
    "any asset": ({"check": any_recipient}, "test_a_payment_in_another_asset_is_refused"),
    "no inputs": ({"read": changed(inputs=frozenset())}, READ),
    "an end before the start": ({"read": changed(invalid_hereafter=-1)}, READ),
    "a file in read": ({"read": with_file}, IO),
    "a file in check": ({"check": with_file}, IO),
    "a file in answer": ({"answer": with_file}, IO),
    "no payer": ({"verify": lambda own, payment: own(payment)._replace(payer="")}, VALID),
    "an extra that is no JSON": (
        {"verify": lambda own, payment: own(payment)._replace(extra={"x": object()})},
        VALID,
    ),
    "terms for ever": (
        {"unique_terms": lambda own, payment: UniqueTerms("x", float("inf"))},  # noqa: ARG005
        VALID,
    ),
    "no amount": ({"answer": lambda own, claim: Answer("much")}, ALONE),  # noqa: ARG005
    "a memory": (from_memory(), ALONE),
    "a kind that is no JSON": (
        {"kind": lambda own, network: {"x": {1, 2}}},  # noqa: ARG005
        "test_its_kind_is_json",
    ),
    "takes too little": (
        {"check": lambda *_: None},
        "test_a_payment_of_too_little_is_refused",
    ),
    "believes the client": ({"read": only_requirements}, "test_an_echo_that_differs_is_refused"),
    "a reason of its own": ({"check": undeclared}, "test_a_payment_of_too_little_is_refused"),
    "raises on a note": ({"read": raising}, "test_messages_of_any_form_get_a_verdict"),
}


def elsewhere(payment: SchemePayment) -> SchemePayment:
    return replace(payment, terms=replace(payment.terms, network=PREVIEW))


@pytest.mark.parametrize("name", PLANTED)
def test_what_is_planted_is_caught(tips: TipScheme, name: str) -> None:
    methods, test = PLANTED[name]
    made = {
        "scheme": lambda: Planted(tips, **methods),
        "restarted": lambda: Planted(tips, **methods),
        "paid": lambda: request_of("tip", note="planted"),
    }
    assert failed(test, made)


def failed(test: str, made: Mapping[str, Callable[[], Any]]) -> bool:
    """Run that test of the contract alone."""
    alone = type("Alone", (), {test: getattr(SchemeContract, test)})
    return failures(alone, made) == {test}
