"""The checks of a payment that come first: they ask no chain, and leave nothing in the storage."""

from contextlib import suppress

from facilitator.payments.changed_rules import IN_A_BLOCK, SUBMITTED, was_good_before
from facilitator.payments.schemes import Schemes
from facilitator.payments.status import Statuses
from facilitator.roles.refused import Refused
from facilitator.roles.scheme import SchemePayment
from facilitator.roles.storage import Storage, StorageUnavailable
from facilitator.x402.messages import SettleResponse
from facilitator.x402.reasons import Reason


class FirstChecks:
    """Checks what the payment itself shows, by the scheme's rules."""

    def __init__(self, schemes: Schemes, storage: Storage, statuses: Statuses) -> None:
        """Ask the storage and ``statuses`` only for what was submitted before."""
        self._schemes = schemes
        self._storage = storage
        self._statuses = statuses

    def verify(self, payment: SchemePayment) -> None:
        """Return if nothing in the payment speaks against it, or if a block has it already.

        Raises :class:`Refused`.
        """
        try:
            self._schemes.check(payment)
        except Refused as refused:
            with suppress(StorageUnavailable):
                if was_good_before(payment, refused, self._storage, IN_A_BLOCK):
                    return
            raise

    def settle(self, payment: SchemePayment) -> SettleResponse | None:
        """Return ``None`` if the payment may be settled, else a response or :class:`Refused`.

        Raises :class:`~facilitator.roles.storage.StorageUnavailable`.
        """
        try:
            self._schemes.check(payment)
        except Refused as refused:
            if refused.reason is Reason.CHAIN_LOOKUP_FAILED:
                pending = self._statuses.pending(payment)
                if pending is None:
                    raise
                return pending
            if not was_good_before(payment, refused, self._storage, SUBMITTED):
                raise
        return None
