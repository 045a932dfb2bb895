"""Idempotency keys and payment identifiers.

An idempotency key is the caller's: with it, and only with it, the caller gets the success again. A
payment identifier is the payer's: it guards against paying twice, and never repeats a success.
"""

from facilitator.api.service import IdempotencyConflict
from facilitator.payments.bindings import Bindings, Holder, Name, key_in
from facilitator.roles.refused import Refused
from facilitator.roles.scheme import SchemePayment
from facilitator.x402.reasons import Reason


def name_of_key(payment: SchemePayment, fingerprint: str, caller: str | None, header: str) -> Name:
    """Return the key that the header names, in the name space of the caller and the recipient.

    ``fingerprint`` is of the whole request, which a repeat must equal.
    """
    key = key_in("key", *_space(payment, caller), header)
    return Name(key, fingerprint, payment.transaction_id, payment.terms.network.id)


def payment_identifier(
    payment: SchemePayment, payer: str, caller: str | None, identifier: str
) -> Name:
    """Return the identifier in the name space of the payer, the caller and the recipient."""
    key = key_in("identifier", *_space(payment, caller), payer, identifier)
    return Name(key, "", payment.transaction_id, payment.terms.network.id)


def check_key(bindings: Bindings, name: Name) -> None:
    """Raise :class:`IdempotencyConflict` if the key is bound to another request."""
    if bindings.holder(name) is not None:
        raise IdempotencyConflict


def bind_key(bindings: Bindings, name: Name, keep_until: float) -> None:
    """Bind the key to the request, or raise :class:`IdempotencyConflict`."""
    if bindings.bind(name, keep_until) is not None:
        raise IdempotencyConflict


def check_identifier(bindings: Bindings, name: Name, payer: str) -> None:
    """Raise :class:`Refused` if another payment has the identifier and has not failed."""
    if (holder := bindings.holder(name)) is not None:
        raise _already_paid(holder, payer)


def bind_identifier(bindings: Bindings, name: Name, payer: str, keep_until: float) -> None:
    """Bind the identifier to the payment, or raise :class:`Refused`."""
    if (holder := bindings.bind(name, keep_until)) is not None:
        raise _already_paid(holder, payer)


def _space(payment: SchemePayment, caller: str | None) -> tuple[str, str, str]:
    return caller or "", payment.terms.network.id, payment.terms.pay_to.hex()


def _already_paid(holder: Holder, payer: str) -> Refused:
    return Refused(
        Reason.DUPLICATE,
        f"the payment identifier belongs to the transaction {holder.transaction_id}, which is "
        f"{holder.status}; another payment can have it once that one has failed",
        payer,
        extra={"status": holder.status, "transactionId": holder.transaction_id},
    )
