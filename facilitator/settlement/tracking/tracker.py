"""Sees submitted transactions through to their end: on one chain, for all claims at once.

The follower says which blocks came and went
(:mod:`facilitator.settlement.tracking.confirmation`); what it cannot say is asked by id
(:mod:`facilitator.settlement.tracking.reconciliation`).
"""

from collections.abc import Callable

from facilitator.chain.followed_chain import FollowedChain
from facilitator.clock import Clock
from facilitator.roles.chain import ChainUnavailable, InBlock, Tip, TransactionStatus
from facilitator.roles.claim import Claim
from facilitator.roles.storage import Storage
from facilitator.settlement import transitions
from facilitator.settlement.tracking.claim_writer import ClaimWriter
from facilitator.settlement.tracking.confirmation import Confirmation
from facilitator.settlement.tracking.pending_settlement import (
    ACCEPTED_CHECK_SECONDS,
    UNKNOWN_CHECK_SECONDS,
    PendingSettlement,
)
from facilitator.settlement.tracking.pending_settlements import PendingSettlements
from facilitator.settlement.tracking.reconciliation import Reconciliation
from facilitator.settlement.tracking.submission import Submission


class Tracker:
    """Observes the open claims of one network until each is settled, rejected or expired."""

    def __init__(
        self,
        chain: FollowedChain,
        storage: Storage,
        clock: Clock,
        *,
        lease_seconds: float,
        changed: Callable[[Claim], None],
        failed: Callable[[BaseException], None],
    ) -> None:
        """``changed`` is told of every new state; ``failed`` gets unforeseen errors of threads."""
        self._chain = chain.provider
        self._follower = chain.follower
        self._storage = storage
        self._clock = clock
        self._lease_seconds = lease_seconds
        self._changed = changed
        self._observed = PendingSettlements()
        recorder = ClaimWriter(storage, self._observed, clock, changed)
        self._confirmation = Confirmation(chain, self._observed, recorder, clock)
        self._submission = Submission(chain, recorder, self._confirmation, clock)
        self._reconciliation = Reconciliation(
            chain,
            storage,
            self._observed,
            recorder,
            self._confirmation,
            self._submission,
            clock,
            lease_seconds=lease_seconds,
            take_up=self.observe,
            failed=failed,
        )

    def start(self) -> None:
        """Take up what an earlier process left open, then keep doing so as leases run out."""
        self._reconciliation.start()

    def close(self) -> None:
        """Stop observing; what is open is taken up by whoever starts next."""
        self._reconciliation.close()
        self._follower.close()
        self._confirmation.close()

    def wake(self) -> None:
        """Let every waiting caller look again, for instance because we are draining."""
        for observation in self._observed.all():
            observation.wake()

    def follow(self) -> Tip:
        """Make sure that blocks are seen from now on. Raises :class:`ChainUnavailable`."""
        return self._follower.follow()

    def depth(self, claim: Claim) -> int | None:
        """Newer blocks on top of the claim's block, as far as is known here."""
        observation = self._observed.find(claim.transaction_id)
        return observation.depth if observation is not None else claim.depth

    def submit(self, claim: Claim) -> PendingSettlement:
        """Send the transaction of a claim that was just marked ``submitted``, once.

        Whatever the node answers is in the observation's claim; without a definite answer the
        claim stays open and is reconciled by id.
        """
        longest = max(self._lease_seconds, UNKNOWN_CHECK_SECONDS)  # that it takes, if all goes well
        observation = self._observe(claim, check_in=longest)
        observation.owner = claim.owner
        self._changed(claim)
        self._submission.first(observation)
        return observation

    def landed(self, claim: Claim, where: InBlock) -> PendingSettlement:
        """Observe an open claim whose transaction was found in the block."""
        observation = self._observe(claim, check_in=ACCEPTED_CHECK_SECONDS)
        self._confirmation.found(observation, where)
        return observation

    def restored(self, transaction_id: str) -> Claim | None:
        """Return the claim that is observed here, written again since the storage has lost it.

        Raises :class:`ChainUnavailable`, :class:`StorageUnavailable`.
        """
        observation = self._observed.find(transaction_id)
        return None if observation is None else self._reconciliation.recovery.restore(observation)

    def observe(self, claim: Claim) -> PendingSettlement:
        """Observe an open claim that was submitted before, here or elsewhere.

        While its lease lasts, whoever announced the submission may be about to make it. What the
        followed blocks tell of it need not be asked.
        """
        now = self._clock.time()
        check_in = claim.lease_until - now
        if claim.accepted and self._follower.since <= claim.updated_at:
            check_in = claim.updated_at + ACCEPTED_CHECK_SECONDS - now
        observation = self._observe(claim, check_in=check_in)
        where = self._follower.find(claim.transaction_id)
        if where is not None and observation.where is None:
            self._confirmation.found(observation, where)
        return observation

    def confirm(self, claim: Claim) -> Claim:
        """Return the settled claim, which is open again if the chain no longer has it as promised.

        For one that was settled before somebody asked: a rollback deeper than was promised may
        have come since. Costs a question by id unless the followed blocks tell. Raises
        :class:`ChainUnavailable`.
        """
        tip = self._follower.follow()
        where: TransactionStatus | None = None
        if self._follower.generation is not None:
            where = self._follower.find(claim.transaction_id)
        if where is None:
            where = self._chain.transaction(claim.transaction_id)
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
            self._changed(after)
        return after or claim

    def _observe(self, claim: Claim, *, check_in: float) -> PendingSettlement:
        return self._observed.add(claim, now=self._clock.time(), check_in=check_in)
