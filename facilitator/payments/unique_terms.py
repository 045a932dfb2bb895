"""Terms that only one transaction may meet, bound to the first that is settled under them."""

import hashlib

from facilitator.clock import Clock
from facilitator.roles.refused import Refused
from facilitator.roles.scheme import SchemePayment, UniqueTerms
from facilitator.roles.storage import Storage
from facilitator.settlement.retention import KEEP_SECONDS
from facilitator.x402.reasons import Reason


class TermsRegistry:
    """Binds terms to transactions, so that they hold in every process that shares the storage.

    A claim is written after its terms are bound, which makes the binding as durable as the claim.
    Every method raises :class:`~facilitator.roles.storage.StorageUnavailable`.
    """

    def __init__(self, storage: Storage, clock: Clock) -> None:
        """Keep the bindings in the storage."""
        self._storage = storage
        self._clock = clock

    def check(self, payment: SchemePayment, terms: UniqueTerms | None) -> None:
        """Raise :class:`Refused` when the terms are another transaction's; binds nothing."""
        if terms is not None:
            bound = self._storage.bound_to(_key(payment, terms), self._clock.time())
            _refuse_others(payment, bound or payment.transaction_id)

    def bind(self, payment: SchemePayment, terms: UniqueTerms | None) -> None:
        """Bind the terms to the payment's transaction, or raise :class:`Refused`.

        They stay bound for as long as its claim may be asked for, even if it never lands.
        """
        if terms is not None:
            this, until = payment.transaction_id, terms.until + KEEP_SECONDS
            key = _key(payment, terms)
            _refuse_others(payment, self._storage.bind_key(key, this, until, self._clock.time()))

    def unbind(self, payment: SchemePayment, terms: UniqueTerms | None) -> None:
        """Free the terms of a payment that was not submitted."""
        if terms is not None:
            self._storage.change_key(_key(payment, terms), payment.transaction_id, None, 0.0)


def _refuse_others(payment: SchemePayment, bound: str) -> None:
    if bound != payment.transaction_id:
        raise Refused(
            Reason.DUPLICATE,
            f"these terms are the transaction {bound}'s: no other can settle them, "
            "whatever became of it",
        )


def _key(payment: SchemePayment, terms: UniqueTerms) -> str:
    of = f"{payment.terms.network.id} {payment.scheme} {payment.terms.method}"
    name = f"once {of} {terms.key}"
    return hashlib.sha256(name.encode()).hexdigest()
