"""Checks of what a plugin's scheme answers, beyond the types: what the core cannot settle."""

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from facilitator.exact.terms import MAX_CONFIRMATIONS, folded
from facilitator.plugin.answers import WrongAnswer
from facilitator.roles.claim import NO_END
from facilitator.roles.payment import MEMPOOL
from facilitator.roles.scheme import (
    MAX_EXTRA_BYTES,
    MAX_RECORD_BYTES,
    Answer,
    SchemePayment,
    UniqueTerms,
    Verified,
)
from facilitator.x402.messages import PaymentRequest

_ID = re.compile(r"[0-9a-f]{64}|")
_AMOUNT = re.compile(r"[0-9]{1,78}")
_MOST_TERMS_BYTES = 4096
_MOST_LOVELACE = 2**63 - 1


def _check_kind(extra: Mapping[str, Any] | None, *_: Any, **__: Any) -> None:
    if extra is not None:
        _check_extra(extra)


def _check_read(payment: SchemePayment, request: PaymentRequest, *_: Any, **__: Any) -> None:
    _check_payment(payment)
    _check_terms(payment, request)


def _check_prepared(prepared: SchemePayment, payment: SchemePayment) -> None:
    """Check that it is still the payment that was read."""
    _check_payment(prepared)
    _demand(prepared.terms == payment.terms, "other terms than those that were read")
    _demand(prepared.statement == payment.statement, "another statement than was read")
    kept = prepared.transaction_id == payment.transaction_id or not payment.transaction_id
    _demand(kept, "another transaction than the one that was read")


def _check_checked(answer: None, *_: Any, **__: Any) -> None:
    _demand(answer is None, "a value from check, which refuses by an exception alone")


def _check_unique(unique: UniqueTerms | None, *_: Any, **__: Any) -> None:
    if unique is not None:
        _demand(len(unique.key.encode()) <= _MOST_TERMS_BYTES, "unique terms with a longer key")
        _demand(0 <= unique.until < math.inf, "unique terms without an end")


def _check_verified(verified: Verified, payment: SchemePayment) -> None:
    _demand(bool(verified.payer), "no payer")
    is_part = not verified.unsigned or verified.unsigned < payment.inputs
    _demand(is_part, "unsigned inputs that are not a part of the inputs")
    verified.payer.encode()
    _check_extra(verified.extra)


def _check_landed(changed: Mapping[str, Any], *_: Any, **__: Any) -> None:
    _check_extra(changed)


def _check_answer(answer: Answer, *_: Any, **__: Any) -> None:
    _demand(_AMOUNT.fullmatch(answer.amount), "an amount that is no whole number")
    _check_extra(answer.extra)


def _check_payment(payment: SchemePayment) -> None:
    """Check what every claim needs of a payment."""
    terms, this = payment.terms, payment.transaction_id
    _demand(_ID.fullmatch(this), "a transaction id that is not 64 lowercase hex digits")
    _demand(bool(this) == bool(payment.transaction), "a transaction id or its bytes alone")
    _demand(0 <= payment.invalid_hereafter <= NO_END, "an end that is no slot")
    _demand(0 <= (payment.fee or 0) <= _MOST_LOVELACE, "a fee that is no amount of lovelace")
    _demand(len(payment.record) <= MAX_RECORD_BYTES, "a record that is too long")
    _demand(MEMPOOL <= terms.confirmations <= MAX_CONFIRMATIONS, "other confirmations")
    _demand(bool(this) <= bool(payment.inputs), "a transaction without inputs")
    "".join(payment.inputs).encode()  # raises what no storage can write


def _check_terms(payment: SchemePayment, request: PaymentRequest) -> None:
    """Check that the terms are those of the request: a claim is made under them."""
    wanted, terms = folded(request.requirements), payment.terms
    _demand(terms.requirements == wanted, "other requirements than those of the request")
    _demand(terms.network.id == wanted.network, "another network than the requirements")
    seconds = terms.max_timeout_seconds
    _demand(seconds == wanted.max_timeout_seconds, "another time than the requirements")


def _check_extra(extra: Mapping[str, Any]) -> None:
    """Check that JSON can express it, in a size that a claim can keep."""
    size = len(orjson.dumps(dict(extra)))
    _demand(size <= MAX_EXTRA_BYTES, f"extra of more than {MAX_EXTRA_BYTES} bytes")


def _demand(condition: object, otherwise: str) -> None:
    if not condition:
        raise WrongAnswer(f"the scheme answered with {otherwise}")


SCHEME_CHECKS: Mapping[str, Callable[..., None]] = {
    "kind": _check_kind,
    "read": _check_read,
    "prepare": _check_prepared,
    "check": _check_checked,
    "unique_terms": _check_unique,
    "verify": _check_verified,
    "verify_landed": _check_landed,
    "answer": _check_answer,
}
"""By method of a scheme, what raises :class:`WrongAnswer` unless the core can go on with an answer.

Each gets the answer, which is of the type that the protocol names, and the method's arguments, some
of them by name.
"""
