"""Takes up settlements that another process left open, once the lease on them is over.

Whether their owner lives is not known: its lease is over 20 seconds after the payment was claimed.
So of a fleet only the process takes them up that asks the chain for all. If each did, every
settlement would be followed and written by as many processes as there are.
"""

import logging
import time
import uuid
from collections.abc import Sequence
from contextlib import suppress

from facilitator.roles.chain_errors import ChainUnavailable
from facilitator.roles.claim import Claim, ClaimState, Delivery
from facilitator.roles.storage import StorageUnavailable
from facilitator.settlement import transitions
from facilitator.settlement.tracking.confirmation import Confirmation
from facilitator.settlement.tracking.pending_settlement import (
    ACCEPTED_CHECK_SECONDS,
    PendingSettlement,
)
from facilitator.settlement.tracking.tracked_network import TrackedNetwork

_BLOCKS_FIRST_SECONDS = 60.0
"""For how long the blocks may show an accepted transaction before it is asked for by id."""
_NAMED = 10
"""Settlements taken up at once that the log names one by one."""
_FORGETTING_STEPS = 10
"""Calls by which final claims are forgotten in each round: each removes some hundreds."""

_log = logging.getLogger("facilitator.settlement")


class Adoption:
    """Looks at all open claims once in a lease, and at those under a lease once in a round."""

    def __init__(self, network: TrackedNetwork, confirmation: Confirmation) -> None:
        """Give what is taken up to ``confirmation``."""
        self._name = network.chain.provider.network
        self._follower = network.chain.follower
        self._storage = network.storage
        self._pending = network.pending
        self._writer = network.writer
        self._clock = network.clock
        self._leases = network.leases
        self._confirmation = confirmation
        self._left: list[Claim] = []
        """Claims of others as they were read last, under a lease or left to the one that leads."""
        self._taken: list[Claim] = []
        """Claims that are just being taken up."""
        # More blocks that were missed are worth reading when more wait for them.
        self._follower.subscribe(lambda _: None, needs=lambda: len(self._left) + len(self._taken))
        self._next_scan = 0.0
        self._led = False
        """True if this process asked the chain in the last round."""
        self._is_forgetting = False

    def run(self) -> None:
        """Take up what is open. Raises :class:`~facilitator.roles.storage.StorageUnavailable`."""
        now, leads = time.monotonic(), self._follower.asks
        begins_to_lead, self._led = leads and not self._led, leads
        if now >= self._next_scan or begins_to_lead:
            self._next_scan = now + self._leases.seconds
            self._is_forgetting = True
            self._scan()
        elif self._left and self._led:
            self._look_again()
        if self._left:
            # A killed leader of the fleet may be watched meanwhile, and blocks be seen.
            self._follow()
        self._forget()

    def adopt(self, claim: Claim) -> PendingSettlement:
        """Track an open claim that was submitted before, by this or another process.

        While its lease lasts, its owner may be about to submit the transaction. What the followed
        blocks show of it need not be asked.
        """
        check_in = self._leases.seconds_left(claim)
        if self._blocks_show(claim):
            # The time was written by another clock, so it counts only within these bounds.
            waited = self._clock.time() - claim.updated_at
            left = min(ACCEPTED_CHECK_SECONDS - waited, ACCEPTED_CHECK_SECONDS)
            check_in = max(_BLOCKS_FIRST_SECONDS, left)
        return self._confirmation.adopt(claim, check_in)

    def _blocks_show(self, claim: Claim) -> bool:
        """Return True if a node has the transaction, and each block that may hold it is followed.

        Those are the blocks since it was claimed, unless another one had submitted it before. If
        the clock that wrote the time was ahead this may be wrong. Then the transaction is asked for
        by id a few minutes later.
        """
        if claim.state is not ClaimState.SUBMITTED or not claim.accepted:
            return False
        is_first = claim.delivery is not Delivery.UNKNOWN
        return is_first and self._follower.watched_since <= claim.created_at <= self._clock.time()

    def _scan(self) -> None:
        every = self._pending.all()  # first: what is added from now on is not missing below
        stored = self._storage.open_claims()
        self._compare(every, stored)
        self._left = []
        self._take_up([claim for claim in stored if claim.network == self._name])

    def _compare(self, every: Sequence[PendingSettlement], stored: Sequence[Claim]) -> None:
        """Take in which of the pending ones others have decided, or the storage has lost.

        One that cannot be read stays as it is known.
        """
        versions = {claim.transaction_id: claim.version for claim in stored}
        for each in every:
            version = versions.get(each.claim.transaction_id)
            if version is None:
                with suppress(StorageUnavailable):
                    self._writer.refresh(each)
            elif version < each.claim.version:
                self._writer.report_missing(each)

    def _look_again(self) -> None:
        """Take up those whose lease has ended since they were read, unless they were changed."""
        over = {claim.transaction_id for claim in self._left if self._leases.is_over(claim)}
        if not over:
            return
        self._left = [each for each in self._left if each.transaction_id not in over]
        found = [self._storage.claim(transaction_id) for transaction_id in over]
        self._take_up([claim for claim in found if claim is not None])

    def _take_up(self, claims: Sequence[Claim]) -> None:
        taken = self._taken = []
        for claim in claims:
            if claim.state.is_final or self._pending.find(claim.transaction_id) is not None:
                continue
            if not self._leases.is_over(claim) or not self._led:
                self._left.append(claim)
            elif claim.state is ClaimState.CLAIMED:
                self._abandon(claim)
            else:
                taken.append(claim)
        if taken:
            self._follow()
        for claim in taken:
            self.adopt(claim).leave_to_leader()
        self._taken = []
        for claim in taken[:_NAMED]:
            _log.info("taking up the settlement of %s", claim.transaction_id)
        if len(taken) > _NAMED:
            _log.info("taking up %d more open settlements", len(taken) - _NAMED)

    def _follow(self) -> None:
        with suppress(ChainUnavailable):  # without blocks they are asked for by id
            self._follower.follow()

    def _abandon(self, claim: Claim) -> None:
        """Remove a claim whose owner is gone while it was verifying, and release its inputs.

        Nothing was sent. Names bound for it are free once the claim is gone. It is taken over
        first: a call that claims the payment again can hold its inputs only afterwards.
        """
        now = self._clock.time()
        step = transitions.abandon(
            uuid.uuid4().hex, now, now + self._leases.seconds, self._leases.is_over
        )
        taken, by_us = transitions.advance(self._storage, claim, step)
        if taken is None or not by_us:
            return
        self._storage.release(taken.transaction_id)
        self._storage.remove_claim(taken)

    def _forget(self) -> None:
        """Forget some final claims that were kept for long enough.

        Each claim's end was written by its own process, a day later than a transaction can land: by
        a clock that is ahead of that by less, none is forgotten too early. If one is, its payment
        is looked up by id when it is settled again.
        """
        for _ in range(_FORGETTING_STEPS):
            if not self._is_forgetting:
                return
            self._is_forgetting = self._storage.forget_claims(self._clock.time()) > 0
