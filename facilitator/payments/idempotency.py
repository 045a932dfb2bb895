"""Idempotency keys of requests, and terms that only one transaction may meet.

Both are bound in the storage, so that they hold in every process and for as long as the storage
keeps what it acknowledged. A claim is written after its terms are bound, which makes the binding as
durable as the claim.
"""

import hashlib

from facilitator.api.service import IdempotencyConflict
from facilitator.clock import Clock
from facilitator.exact.methods import UniqueTerms
from facilitator.exact.payment import Payment
from facilitator.exact.refused import Refused
from facilitator.roles.storage import Storage
from facilitator.settlement.retention import KEEP_SECONDS
from facilitator.x402.messages import PaymentRequest
from facilitator.x402.reasons import Reason

_LONG_AGO = 0.0
"""A Unix time in the past: a binding until then is only looked up, never kept."""


class IdempotencyKeys:
    """Binds callers' keys to requests."""

    def __init__(self, storage: Storage, clock: Clock) -> None:
        """Keep the bindings in the storage."""
        self._storage = storage
        self._clock = clock

    def bind(self, request: PaymentRequest, header: str | None) -> str | None:
        """Return the hash of the request's key, bound to this very body; ``None`` without a key.

        Raises :class:`IdempotencyConflict` when it is bound to another body, and
        :class:`~facilitator.roles.storage.StorageUnavailable`.
        """
        if header is None and request.payment_identifier is None:
            return None
        key = key_hash(f"header {header}" if header else f"id {request.payment_identifier}")
        now = self._clock.time()
        bound_to = self._storage.bind_key(key, request.fingerprint, now + KEEP_SECONDS, now)
        if bound_to != request.fingerprint:
            raise IdempotencyConflict
        return key


class TermsRegistry:
    """Binds terms to the first transaction that is settled under them.

    Every method raises :class:`~facilitator.roles.storage.StorageUnavailable`.
    """

    def __init__(self, storage: Storage, clock: Clock) -> None:
        """Keep the bindings in the storage."""
        self._storage = storage
        self._clock = clock

    def check(self, payment: Payment, once: UniqueTerms | None) -> None:
        """Raise :class:`Refused` when the terms are another transaction's; binds nothing."""
        if once is not None:
            self._bind(payment, once, _LONG_AGO)

    def bind(self, payment: Payment, once: UniqueTerms | None) -> None:
        """Bind the terms to the payment's transaction, or raise :class:`Refused`.

        They stay bound for as long as its claim may be asked for, even if it never lands.
        """
        if once is not None:
            self._bind(payment, once, once.until + KEEP_SECONDS)

    def _bind(self, payment: Payment, once: UniqueTerms, until: float) -> None:
        key = key_hash(f"once {payment.terms.network.id} {payment.terms.method} {once.key}")
        this = payment.transaction_id
        bound = self._storage.bind_key(key, this, until, self._clock.time())
        if bound != this:
            raise Refused(
                Reason.DUPLICATE,
                f"these terms are the transaction {bound}'s: no other can settle them, "
                "whatever became of it",
            )


def key_hash(key: str) -> str:
    """Return what is stored of a key, which may be a caller's secret."""
    return hashlib.sha256(key.encode()).hexdigest()
