"""Claims that the storage has lost: what the chain shows, and what this process remembers.

Exactly once comes first. A process that finds a transaction in the chain without a claim cannot
know whether its success was delivered, and delivers it to no caller. A process in which the
settlement is pending knows more: until its block was as deep as promised, no caller can have
received it.
"""

import logging
from collections.abc import Sequence

from facilitator.chain.recent_blocks import status_of
from facilitator.roles.chain import ChainProvider, InBlock, Tip
from facilitator.roles.chain_errors import ChainUnavailable
from facilitator.roles.claim import NO_END, Claim, Delivery
from facilitator.roles.payment import MEMPOOL
from facilitator.roles.refused import AlreadyOnChain, MayBeOnChain, MayHaveLanded, Refused
from facilitator.roles.scheme import SchemePayment
from facilitator.roles.storage import Storage, StorageUnavailable
from facilitator.settlement.retention import KEEP_SECONDS
from facilitator.settlement.tracking.pending_settlement import PendingSettlement

_log = logging.getLogger("facilitator.settlement")


def resolve_on_chain(
    refused: MayBeOnChain, payment: SchemePayment, chain: ChainProvider, now: float
) -> Refused:
    """Return why a payment without a claim is refused: it may be on the chain already.

    ``now`` is in Unix seconds. Costs a question by id, unless its claim would be forgotten by now.
    """
    try:
        if not refused.spent_by_itself and _is_long_over(payment, chain, now):
            return refused
        where = chain.transaction(payment.transaction_id)
    except ChainUnavailable as error:
        return MayHaveLanded(str(error))
    if isinstance(where, InBlock):
        return AlreadyOnChain(where)
    if refused.spent_by_itself:
        return MayHaveLanded(
            "the inputs are spent by this transaction, but its block is not known yet"
        )
    return refused


def _is_long_over(payment: SchemePayment, chain: ChainProvider, now: float) -> bool:
    """Return True if its validity ended longer ago than claims are kept."""
    end = payment.invalid_hereafter
    return end != NO_END and chain.eras().start_ms(end) / 1000 + KEEP_SECONDS < now


class Recovery:
    """Restores claims of pending settlements that the storage has lost.

    Every method raises :class:`~facilitator.roles.chain_errors.ChainUnavailable`.
    """

    def __init__(self, storage: Storage, chain: ChainProvider) -> None:
        """Restore to the storage what the chain of one network shows."""
        self._storage = storage
        self._chain = chain

    def restore_missing(self, every: Sequence[PendingSettlement]) -> None:
        """Restore what the storage lacks of these, which are given oldest first.

        If the newest is missing, all of them may be. If only an older one is, the process that
        changes it next finds out, or the scan of all open claims does. That scan finds those again
        which cannot be read or looked up now: they keep no other from being restored.
        """
        suspects: Sequence[PendingSettlement] = [each for each in every if each.take_missing()]
        if every and self._is_missing(every[-1].claim):
            suspects = every
        if not suspects:
            return
        newest = self._chain.tip()
        missing = [each for each in suspects if self._is_missing(each.claim)]
        if missing:
            text = "the storage has lost %d open settlements; they are written again"
            _log.warning(text, len(missing))
        for pending in missing:
            try:
                self._restore(pending, newest)
            except (ChainUnavailable, StorageUnavailable) as error:
                lost = pending.claim.transaction_id
                _log.warning("the claim on %s is not written again yet: %s", lost, error)

    def restore(self, pending: PendingSettlement) -> Claim:
        """Write the claim again, which is missing; return the one that is stored now.

        Raises :class:`~facilitator.roles.storage.StorageUnavailable` as well.
        """
        return self._restore(pending, self._chain.tip())

    def _is_missing(self, known: Claim) -> bool:
        """Return True if the storage is seen to lack the claim, or to hold an older version."""
        try:
            stored = self._storage.claim(known.transaction_id)
        except StorageUnavailable:
            return False
        return stored is None or stored.version < known.version

    def _restore(self, pending: PendingSettlement, newest: Tip) -> Claim:
        """Write the claim again. ``newest`` was the newest block after the loss.

        A success that depends on a later block cannot have been delivered before the loss.
        """
        known = pending.claim
        where = pending.block or status_of(self._chain, known)
        depth = newest.height - where.height if isinstance(where, InBlock) else MEMPOOL
        may_be_delivered = depth >= known.confirmations
        again = known.with_unknown_delivery() if may_be_delivered else known.changed()
        stored = self._storage.claim(known.transaction_id)
        if stored is None:
            stored = self._storage.add_claim(again)
        elif stored.version < known.version and stored.delivery is Delivery.NONE:
            again = again.instead_of(stored)
            stored = again if self._storage.change_claim(again) else stored
        pending.replace_claim(stored)
        return stored
