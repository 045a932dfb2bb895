"""Terms that one transaction alone may meet: bound to the first that is settled under them.

The binding is an idempotency key of the storage, so that it holds in every process and for as long
as the storage keeps what it acknowledged. A claim is written after it, which makes it as durable.
"""

import hashlib

from facilitator.clock import Clock
from facilitator.exact.methods import UniqueTerms
from facilitator.exact.payment import Payment
from facilitator.exact.refused import Refused
from facilitator.roles.storage import Storage
from facilitator.settlement.retention import KEEP_SECONDS
from facilitator.x402.reasons import Reason

_OVER = 0.0
"""An end that every binding has behind it: what is bound until then is only asked for."""


class TermsRegistry:
    """Binds terms to transactions. Every method raises ``StorageUnavailable``."""

    def __init__(self, storage: Storage, clock: Clock) -> None:
        """Bind nothing yet."""
        self._storage = storage
        self._clock = clock

    def check(self, payment: Payment, once: UniqueTerms | None) -> None:
        """Raise :class:`Refused` when the terms are another transaction's; binds nothing."""
        if once is not None:
            self._bind(payment, once, _OVER)

    def bind(self, payment: Payment, once: UniqueTerms | None) -> None:
        """Bind the terms to the payment's transaction, or raise :class:`Refused`.

        They stay bound whatever becomes of it, for as long as its claim may be asked for.
        """
        if once is not None:
            self._bind(payment, once, once.until + KEEP_SECONDS)

    def _bind(self, payment: Payment, once: UniqueTerms, until: float) -> None:
        key = key_hash(f"once {payment.terms.network.id} {payment.terms.method} {once.key}")
        ours = payment.transaction_id
        bound = self._storage.bind_key(key, ours, until, self._clock.time())
        if bound != ours:
            raise Refused(
                Reason.DUPLICATE,
                f"these terms are the transaction {bound}'s: no other can settle them, "
                "whatever became of it",
            )


def key_hash(key: str) -> str:
    """What is stored of an idempotency key: it may be somebody's secret."""
    return hashlib.sha256(key.encode()).hexdigest()
