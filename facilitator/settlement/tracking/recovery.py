"""Claims that the storage has lost: what the chain shows, and what this process remembers.

Exactly once comes first. Whoever finds a transaction in the chain without a claim cannot know
whether its success was told, and tells nobody. A process that was observing the claim knows more:
until its block was as deep as promised, nobody can have been told.
"""

import logging
from collections.abc import Sequence

from facilitator.exact.payment import Payment
from facilitator.exact.refused import AlreadyOnChain, MayBeOnChain, Refused
from facilitator.exact.terms import MEMPOOL
from facilitator.roles.chain import ChainProvider, ChainUnavailable, InBlock, Tip
from facilitator.roles.claim import NOT_KNOWN, Claim
from facilitator.roles.storage import Storage
from facilitator.settlement.retention import KEEP_SECONDS
from facilitator.settlement.tracking.pending_settlement import PendingSettlement
from facilitator.x402.reasons import Reason

_log = logging.getLogger("facilitator.settlement")


def resolve_on_chain(
    refused: MayBeOnChain, payment: Payment, chain: ChainProvider, now: float
) -> Refused:
    """Why the payment is refused that has no claim: for it has landed, if the chain has it.

    ``now`` is in Unix seconds. Costs a question by id, unless its claim would be forgotten by now.
    """
    try:
        if not refused.spent_by_itself and _is_long_over(payment, chain, now):
            return refused
        where = chain.transaction(payment.transaction_id)
    except ChainUnavailable as error:
        return Refused(
            Reason.CHAIN_LOOKUP_FAILED, f"the chain could not be asked, try again: {error}"
        )
    if isinstance(where, InBlock):
        return AlreadyOnChain(where)
    if refused.spent_by_itself:
        return Refused(
            Reason.CHAIN_LOOKUP_FAILED,
            "the chain could not be asked, try again: the inputs are spent by this transaction, but"
            " its block is not known yet",
        )
    return refused


def _is_long_over(payment: Payment, chain: ChainProvider, now: float) -> bool:
    """Return whether its validity ended longer ago than claims are kept."""
    end = payment.transaction.body.invalid_hereafter
    return end is not None and chain.eras().start_ms(end) / 1000 + KEEP_SECONDS < now


class Recovery:
    """Writes observed claims of one network again that the storage has lost.

    Every method raises :class:`~facilitator.roles.storage.StorageUnavailable` and
    :class:`~facilitator.roles.chain.ChainUnavailable`.
    """

    def __init__(self, storage: Storage, chain: ChainProvider) -> None:
        """Nothing is looked at yet."""
        self._storage = storage
        self._chain = chain

    def notice(self, observed: Sequence[PendingSettlement]) -> None:
        """Write again what is lost of these, oldest first.

        If all are, so is the newest one; if only what was written last is, whoever changes such a
        claim next finds out, or who looks through all that are open.
        """
        suspects: Sequence[PendingSettlement] = [each for each in observed if each.is_missed]
        for each in suspects:
            each.is_missed = False
        if observed and self._is_lost(observed[-1].claim):
            suspects = observed
        if not suspects:
            return
        newest = self._chain.tip()
        lost = [each for each in suspects if self._is_lost(each.claim)]
        if lost:
            text = "the storage has lost %d open settlements; they are written again"
            _log.warning(text, len(lost))
        for observation in lost:
            self._write(observation, newest)

    def restore(self, observation: PendingSettlement) -> Claim:
        """Write the observed claim again, which is lost; the one that is there now."""
        return self._write(observation, self._chain.tip())

    def _is_lost(self, known: Claim) -> bool:
        """Return whether the storage has it no more, or only as it was before."""
        stored = self._storage.claim(known.transaction_id)
        return stored is None or stored.version < known.version

    def _write(self, observation: PendingSettlement, newest: Tip) -> Claim:
        """``newest`` was the newest block after the loss: nobody told by one that came later."""
        known = observation.claim
        where = observation.where or self._chain.transaction(known.transaction_id)
        depth = newest.height - where.height if isinstance(where, InBlock) else MEMPOOL
        may_be_told = depth >= known.confirmations
        again = known.changed(answer=NOT_KNOWN) if may_be_told else known.changed()
        stored = self._storage.claim(known.transaction_id)
        if stored is None:
            stored = self._storage.add_claim(again)
        elif stored.version < known.version and stored.answer is None:
            again = again.instead_of(stored)
            stored = again if self._storage.change_claim(again) else stored
        observation.begin_anew(stored)
        observation.check_at = 0.0  # what was to be written instead may be due
        return stored
