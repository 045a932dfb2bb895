"""Follows submitted transactions to their end: all claims of one network at once.

The blocks that the follower reads confirm them (:mod:`.confirmation`). What blocks do not show is
asked by id (:mod:`.reconciliation`).
"""

from collections.abc import Callable

from facilitator.chain.followed_chain import FollowedChain
from facilitator.chain.recent_blocks import status_of
from facilitator.clock import Clock
from facilitator.roles.chain import InBlock, Tip, TransactionStatus
from facilitator.roles.chain_errors import ChainUnavailable
from facilitator.roles.claim import Claim, ClaimState
from facilitator.roles.storage import Storage
from facilitator.settlement import transitions
from facilitator.settlement.tracking.adoption import Adoption
from facilitator.settlement.tracking.confirmation import Confirmation
from facilitator.settlement.tracking.correction import Correction
from facilitator.settlement.tracking.pending_settlement import (
    ACCEPTED_CHECK_SECONDS,
    UNKNOWN_CHECK_SECONDS,
    PendingSettlement,
)
from facilitator.settlement.tracking.reconciliation import Reconciliation
from facilitator.settlement.tracking.recovery import Recovery
from facilitator.settlement.tracking.submission import Submission
from facilitator.settlement.tracking.tracked_network import tracked_network


class Tracker:
    """Tracks the open claims of one network until each is settled, rejected or expired."""

    def __init__(
        self,
        chain: FollowedChain,
        storage: Storage,
        clock: Clock,
        *,
        lease_seconds: float,
        on_change: Callable[[Claim], None],
        on_correction: Callable[[Claim], None],
        on_error: Callable[[BaseException], None],
    ) -> None:
        """Call ``on_change`` with every new state, ``on_error`` with errors of threads.

        ``on_correction`` gets a claim that was given up, as it was before, when its transaction is
        found in a block; ``on_change`` gets its new state after that.
        """
        network = tracked_network(chain, storage, clock, lease_seconds, on_change)
        self._chain = chain.provider
        self._follower = chain.follower
        self._storage = storage
        self._clock = clock
        self._on_change = on_change
        self._pending = network.pending
        self._leases = network.leases
        # The longest that a submission takes, if all goes well.
        self._submission_seconds = max(lease_seconds, UNKNOWN_CHECK_SECONDS)
        self._recovery = Recovery(storage, chain.provider)
        self._confirmation = Confirmation(network)
        self._submission = Submission(network, self._confirmation)
        self._adoption = Adoption(network, self._confirmation)
        self._correction = Correction(network, on_correction)
        self._reconciliation = Reconciliation(
            network, self._confirmation, self._submission, self._recovery, self._adoption, on_error
        )

    def start(self) -> None:
        """Adopt the claims that an earlier process left open, and others as leases run out."""
        self._follower.thread.start()  # now, since later there may be no further thread
        self._reconciliation.start()

    def close(self) -> None:
        """Stop tracking; the next process to start adopts what is open."""
        self._reconciliation.close()
        self._follower.close()
        self._confirmation.close()

    def wake(self) -> None:
        """Let every waiting caller look again, for instance because the server drains."""
        for pending in self._pending.all():
            pending.wake()

    def follow(self) -> Tip:
        """Make sure that blocks are seen from now on. Raises :class:`ChainUnavailable`."""
        return self._follower.follow()

    def find(self, transaction_id: str) -> PendingSettlement | None:
        """Return the settlement if it is pending in this process."""
        return self._pending.find(transaction_id)

    def depth(self, claim: Claim) -> int | None:
        """Return the newer blocks on top of the claim's block, as far as is known here."""
        pending = self._pending.find(claim.transaction_id)
        if pending is not None:
            return pending.depth
        if claim.state is not ClaimState.INCLUDED:
            return claim.depth
        return self._depth_by_blocks(claim)

    def submit(self, claim: Claim) -> PendingSettlement:
        """Send the transaction of a claim that was just marked ``submitted``, once.

        The pending settlement's claim holds what the node answers. Without a definite answer the
        claim stays open and is reconciled by id.
        """
        pending = self._add(claim, check_in=self._submission_seconds)
        pending.send_as(claim.owner)
        self._on_change(claim)
        self._submission.first(pending)
        return pending

    def track_in_block(self, claim: Claim, block: InBlock) -> PendingSettlement:
        """Track an open claim whose transaction was found in the block."""
        pending = self._add(claim, check_in=ACCEPTED_CHECK_SECONDS)
        self._confirmation.found_in(pending, block)
        return pending

    def track(self, claim: Claim) -> PendingSettlement:
        """Track an open claim that was submitted before, by this or another process."""
        return self._adoption.adopt(claim)

    def lease_is_over(self, claim: Claim) -> bool:
        """Return True if another may take over the claim, which was just read."""
        return self._leases.is_over(claim)

    def correct(self, claim: Claim) -> Claim:
        """Return the claim, corrected if it was given up and the chain shows its transaction.

        Costs a question by id, at most once in some seconds, if it was given up. Raises
        :class:`~facilitator.roles.storage.StorageUnavailable`.
        """
        return self._correction.ask(claim)

    def restore(self, transaction_id: str) -> Claim | None:
        """Write a pending claim again that the storage has lost; ``None`` if none is pending.

        Raises :class:`ChainUnavailable`, :class:`StorageUnavailable`.
        """
        pending = self._pending.find(transaction_id)
        return None if pending is None else self._recovery.restore(pending)

    def recheck_settled(self, claim: Claim) -> Claim:
        """Return the settled claim, open again if the chain no longer has it as promised.

        For one that was settled before a caller asked: a rollback deeper than was promised may
        have come since. Costs a question by id unless the followed blocks answer it. Raises
        :class:`ChainUnavailable`.
        """
        tip = self._follower.follow()
        where: TransactionStatus | None = None
        if self._follower.epoch is not None:
            where = self._follower.find(claim.transaction_id)
        if where is None:
            where = status_of(self._chain, claim)
        if isinstance(where, InBlock):
            if self._follower.is_orphaned(where):
                raise ChainUnavailable(f"block {where.point.block} is of a fork that was left")
            # In the block it was settled in it is as deep as it was, though our view may lag.
            is_same = where.point.block == claim.block
            if is_same or tip.height - where.height >= claim.confirmations:
                return claim
        after, by_us = transitions.advance(
            self._storage, claim, transitions.reopen(self._clock.time())
        )
        if after is not None and by_us:
            self._on_change(after)
        return after or claim

    def _depth_by_blocks(self, claim: Claim) -> int | None:
        """Return how deep the block is that another process has seen the transaction in.

        As that process wrote it, unless the blocks that are followed here show more. Of a block
        that is not among them it is not known if it is on the chain still.
        """
        tip, where = self._follower.tip, self._follower.find(claim.transaction_id)
        if tip is None or where is None or where.point.block != claim.block:
            return claim.depth
        return max(claim.depth or 0, tip.height - where.height)

    def _add(self, claim: Claim, *, check_in: float) -> PendingSettlement:
        return self._pending.add(claim, now=self._clock.time(), check_in=check_in)
