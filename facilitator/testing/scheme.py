"""Contract tests that every scheme must pass.

Subclass :class:`SchemeContract` in a test module, and give it the fixtures ``scheme`` and ``paid``:
a request whose payment the scheme finds valid, and which ``/settle`` may submit. The scheme is
called behind the border that it has at run time: what that would report as a fault fails the test.
"""

import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from facilitator.exact.methods import DeclaresReasons
from facilitator.plugin.border import guard
from facilitator.plugin.time_limits import Outcome
from facilitator.roles.chain_errors import ChainUnavailable
from facilitator.roles.claim import Claim
from facilitator.roles.payment import Origin
from facilitator.roles.refused import Refused
from facilitator.roles.scheme import Scheme, SchemePayment
from facilitator.testing.border import unguarded
from facilitator.testing.examples import example_claim
from facilitator.testing.running import Running
from facilitator.testing.start import check_as_at_start
from facilitator.testing.threads import together
from facilitator.x402.messages import PaymentRequest, Requirements, parse_payment_request
from facilitator.x402.networks import cardano_network
from facilitator.x402.reasons import Reason

THREADS = 8
ORIGIN = Origin("contract", None, None, {}, 1000)

_IO = ("open", "socket.connect", "socket.getaddrinfo", "sqlite3.connect", "subprocess.Popen")
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner),
    max_leaves=6,
)  # fmt: skip
_watched = threading.local()


class SchemeContract:
    """All promises of :class:`~facilitator.roles.scheme.Scheme`."""

    @pytest.fixture
    def scheme(self) -> Scheme:
        """Return the scheme under test; a subclass defines it."""
        raise NotImplementedError("define the fixture scheme")

    @pytest.fixture
    def paid(self) -> PaymentRequest:
        """Return a request with a payment that settles; a subclass defines it."""
        raise NotImplementedError("define the fixture paid")

    @pytest.fixture
    def restarted(self, scheme: Scheme) -> Scheme:
        """Return the scheme as another process has it; a subclass may make another one."""
        return scheme

    def test_the_start_takes_the_scheme(self, scheme: Scheme) -> None:
        """It takes the arguments of the protocol by their names."""
        check_as_at_start("schemes", scheme)

    def test_its_kind_is_json(self, scheme: Scheme, paid: PaymentRequest) -> None:
        """``/supported`` shows it for the network of the payment."""
        kind = guarded(scheme).kind(_network(paid))
        assert kind is not None, "it does not serve the network of the payment"
        assert orjson.loads(orjson.dumps(dict(kind))) == dict(kind)

    def test_a_payment_is_read_alike_each_time(self, scheme: Scheme, paid: PaymentRequest) -> None:
        """By many threads at once, too: what is claimed is what was verified."""
        once = _facts(guarded(scheme).read(paid, ORIGIN))
        again: list[Any] = []
        together([lambda: again.append(_facts(guarded(scheme).read(paid, ORIGIN)))] * THREADS)
        assert again == [once] * THREADS

    def test_a_payment_is_prepared_alike_each_time(
        self, scheme: Scheme, paid: PaymentRequest
    ) -> None:
        """Under the id that it was read with, so that a repeat finds the claim of the first."""
        once, again = (_prepared(scheme, paid) for _ in range(2))
        assert once.transaction_id, "a payment that settles has a transaction"
        assert _facts(once) == _facts(again)

    def test_only_the_verdict_does_io(self, scheme: Scheme, paid: PaymentRequest) -> None:
        """All else is called while others wait, and more often than for each payment."""

        def calls() -> object:
            payment = _prepared(scheme, paid)
            part = guarded(scheme)
            part.check(payment)
            part.unique_terms(payment)
            return part.answer(_claim(payment))

        calls()  # what is imported late is imported now
        with _without_io():
            calls()

    def test_a_payment_is_valid(self, scheme: Scheme, paid: PaymentRequest) -> None:
        """As it is read for ``/verify``, and as it is prepared for ``/settle``."""
        part = guarded(scheme)
        for payment in (part.read(paid, ORIGIN), _prepared(scheme, paid)):
            part.check(payment)
            terms = part.unique_terms(payment)
            assert part.unique_terms(payment) == terms
            assert part.verify(payment).payer

    def test_a_payment_of_too_little_is_refused(self, scheme: Scheme, paid: PaymentRequest) -> None:
        """The requirements, and the client's echo, ask for more than anybody has."""
        refusal = _refusal(scheme, _asking(paid, amount=f"{10**30}"))
        _check_refusal(scheme, refusal)

    def test_an_echo_that_differs_is_refused(self, scheme: Scheme, paid: PaymentRequest) -> None:
        """The client has agreed to something else than the resource server asks for."""
        less = f"{int(paid.accepted.amount) + 1}"
        refusal = _refusal(scheme, replace(paid, accepted=replace(paid.accepted, amount=less)))
        _check_refusal(scheme, refusal)

    def test_a_network_has_its_other_names(self, scheme: Scheme, paid: PaymentRequest) -> None:
        """The terms have the canonical one, by which the claim is kept."""
        other = cardano_network(_network(paid)).cip34
        assert guarded(scheme).read(_asking(paid, network=other), ORIGIN).transaction == (
            guarded(scheme).read(paid, ORIGIN).transaction
        )

    def test_messages_of_any_form_get_a_verdict(self, scheme: Scheme, paid: PaymentRequest) -> None:
        """Strangers write them: another error than ``Refused`` is a fault of the scheme."""
        payloads = st.dictionaries(st.sampled_from([*paid.payload, "other"]), _JSON)
        extras = st.dictionaries(st.sampled_from([*paid.requirements.extra, "other"]), _JSON)

        @settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
        @given(payloads, extras, st.booleans())
        def judge(payload: dict[str, Any], extra: dict[str, Any], replaces: bool) -> None:
            whole = payload if replaces else {**paid.payload, **payload}
            request = replace(paid, payload=whole)
            further = {**paid.requirements.extra, **extra}
            with suppress(Refused, ChainUnavailable):
                _judge(scheme, _asking(request, extra=further))

        judge()

    def test_the_answer_needs_the_claim_alone(
        self, scheme: Scheme, restarted: Scheme, paid: PaymentRequest
    ) -> None:
        """Another process makes it, from what a storage returns, and the same each time."""
        payment = _prepared(scheme, paid)
        assert type(payment.record) is bytes, "a storage returns the record as bytes"
        answer = guarded(restarted).answer(_claim(payment))
        assert answer == guarded(restarted).answer(_claim(payment))
        assert orjson.loads(orjson.dumps(dict(answer.extra))) == dict(answer.extra)


def scheme_of(running: Running, name: str) -> Scheme:
    """Return the plugin's scheme of a running facilitator, without its border."""
    scheme: Scheme = unguarded(running.facilitator.schemes.by_name[name])
    return scheme


def paid_in(scheme: str, body: Mapping[str, Any]) -> PaymentRequest:
    """Return the request in a body, under requirements of that scheme."""
    request = parse_payment_request(body)
    return _asking(request, scheme=scheme)


def guarded(scheme: Scheme) -> Any:
    """Return the scheme behind its border. What is a fault there fails the test."""

    def failed(error: BaseException, method: str) -> None:
        raise AssertionError(f"a fault in {method}: {type(error).__name__}: {error}") from error

    return guard("schemes", scheme, "under test", failed, _AtOnce())


class _AtOnce:
    """Makes every call at once."""

    def in_time(self, call: Callable[[], Any]) -> Outcome:
        """Return the outcome of the call."""
        try:
            return Outcome(call(), None)
        except Exception as error:
            return Outcome(None, error)

    in_scheme_time = at_end = in_time

    def later(self, method: str, call: Callable[[], Any]) -> Outcome:  # noqa: ARG002
        """Return the outcome of the call."""
        return self.in_time(call)


def _prepared(scheme: Scheme, request: PaymentRequest) -> SchemePayment:
    part = guarded(scheme)
    prepared: SchemePayment = part.prepare(part.read(request, ORIGIN))
    return prepared


def _judge(scheme: Scheme, request: PaymentRequest) -> None:
    part = guarded(scheme)
    payment = part.read(request, ORIGIN)
    part.check(payment)
    part.unique_terms(payment)
    part.verify(payment)
    part.check(part.prepare(payment))


def _facts(payment: SchemePayment) -> object:
    """Return what has to be the same each time."""
    return replace(payment, content=None)


def _network(request: PaymentRequest) -> str:
    return cardano_network(request.requirements.network).id


def _asking(request: PaymentRequest, **fields: Any) -> PaymentRequest:
    """Return the request under other requirements, to which the client has agreed."""
    asked: Requirements = replace(request.requirements, **fields)
    return replace(request, requirements=asked, accepted=replace(request.accepted, **fields))


def _claim(payment: SchemePayment) -> Claim:
    """Return the claim on the payment, of the values that a storage keeps."""
    return example_claim(
        transaction_id=payment.transaction_id,
        network=payment.terms.network.id,
        transaction=bytes(payment.transaction),
        amount=payment.terms.requirements.amount,
        confirmations=payment.terms.confirmations,
        invalid_hereafter=payment.invalid_hereafter,
        scheme=payment.scheme,
        record=bytes(payment.record),
    )


def _refusal(scheme: Scheme, request: PaymentRequest) -> Refused:
    with pytest.raises(Refused) as caught:
        _judge(scheme, request)
    return caught.value


def _check_refusal(scheme: Scheme, refusal: Refused) -> None:
    """Fail unless the reason is known, and there is a sentence."""
    known = {*map(str, Reason)}
    if isinstance(scheme, DeclaresReasons):
        known |= {*map(str, scheme.reasons())}
    assert str(refusal.reason) in known, "declare the reason in reasons()"
    assert refusal.message.strip()
    assert "\n" not in refusal.message


@contextmanager
def _without_io() -> Iterator[None]:
    """Have I/O of this thread fail the ``with`` block."""
    _install()
    seen: list[str] = []
    _watched.seen = seen
    try:
        yield
    finally:
        _watched.seen = None
    assert not seen, f"it does I/O: {', '.join(seen)}"


def _install() -> None:
    """Install the hook of Python's audit once: it cannot be removed."""
    if not getattr(_install, "done", False):
        sys.addaudithook(_audit)
        _install.done = True  # type: ignore[attr-defined]


def _audit(event: str, _: object) -> None:
    seen = getattr(_watched, "seen", None)
    if seen is not None and event in _IO:
        seen.append(event)
