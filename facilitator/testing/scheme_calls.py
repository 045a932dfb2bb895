"""Calls of a scheme behind its border, for the contract tests of schemes."""

import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from facilitator.cardano.slots import KNOWN_ERAS
from facilitator.exact.methods import DeclaresReasons
from facilitator.plugin.border import guard
from facilitator.plugin.time_limits import Outcome
from facilitator.plugin.watch import Caller
from facilitator.roles.claim import NO_END, Claim
from facilitator.roles.payment import Origin
from facilitator.roles.refused import Refused
from facilitator.roles.scheme import Scheme, SchemePayment, UniqueTerms
from facilitator.testing.border import unguarded
from facilitator.testing.examples import example_claim
from facilitator.testing.running import Running
from facilitator.x402.messages import PaymentRequest, Requirements, parse_payment_request
from facilitator.x402.networks import cardano_network
from facilitator.x402.reasons import Reason

ORIGIN = Origin("contract", None, None, {}, 1000)

_IO = ("open", "socket.connect", "socket.getaddrinfo", "sqlite3.connect", "subprocess.Popen")
_watched = threading.local()


def scheme_of(running: Running, name: str) -> Scheme:
    """Return the plugin's scheme of a running facilitator, without its border."""
    scheme: Scheme = unguarded(running.facilitator.schemes.by_name[name])
    return scheme


def paid_in(scheme: str, body: Mapping[str, Any]) -> PaymentRequest:
    """Return the request in a body, under requirements of that scheme."""
    request = parse_payment_request(body)
    return asking(request, scheme=scheme)


def holds_until(terms: UniqueTerms, network: str, end: int | None) -> bool:
    """Return True if the terms are unique until this slot, as far as its time is known."""
    eras = KNOWN_ERAS.get(network)
    if eras is None or end in (None, NO_END):
        return terms.until > 0
    return terms.until * 1000 >= eras.start_ms(end)


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

    def watching(self, method: str) -> Caller:  # noqa: ARG002
        """Return a function that watches nothing."""
        return lambda function, given, named: function(*given, **named)

    def later(self, method: str, call: Callable[[], Any]) -> Outcome:  # noqa: ARG002
        """Return the outcome of the call."""
        return self.in_time(call)


def prepared(scheme: Scheme, request: PaymentRequest) -> SchemePayment:
    """Return the payment as ``/settle`` is to submit it."""
    part = guarded(scheme)
    payment: SchemePayment = part.prepare(part.read(request, ORIGIN))
    return payment


def judged(scheme: Scheme, request: PaymentRequest) -> None:
    """Have the payment judged as for ``/verify``, and prepared. Raises what that raises."""
    part = guarded(scheme)
    payment = part.read(request, ORIGIN)
    part.check(payment)
    part.unique_terms(payment)
    part.verify(payment)
    part.check(part.prepare(payment))


def facts(payment: SchemePayment) -> object:
    """Return what has to be the same each time."""
    return replace(payment, content=None)


def network_of(request: PaymentRequest) -> str:
    """Return the canonical id of the network that the request names."""
    return cardano_network(request.requirements.network).id


def asking(request: PaymentRequest, **fields: Any) -> PaymentRequest:
    """Return the request under other requirements, to which the client has agreed."""
    asked: Requirements = replace(request.requirements, **fields)
    return replace(request, requirements=asked, accepted=replace(request.accepted, **fields))


def claim_on(payment: SchemePayment) -> Claim:
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


def refusal_of(scheme: Scheme, request: PaymentRequest) -> Refused:
    """Return the refusal of the payment; fail without one."""
    with pytest.raises(Refused) as caught:
        judged(scheme, request)
    return caught.value


def check_refusal(scheme: Scheme, refusal: Refused) -> None:
    """Fail unless the reason is known, and there is a sentence."""
    known = {*map(str, Reason)}
    if isinstance(scheme, DeclaresReasons):
        known |= {*map(str, scheme.reasons())}
    assert str(refusal.reason) in known, "declare the reason in reasons()"
    assert refusal.message.strip()
    assert "\n" not in refusal.message


@contextmanager
def without_io() -> Iterator[None]:
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
