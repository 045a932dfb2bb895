"""Asks the chain by id for what its blocks do not show, in a thread of its own.

These are transactions whose submission had no known outcome, and those of a process that is gone.
The same bytes may be submitted again: the ledger takes a transaction once.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress

from facilitator.roles.chain import ChainUnavailable, InBlock, InMempool, Tip
from facilitator.roles.claim import Claim, ClaimState
from facilitator.roles.storage import StorageUnavailable
from facilitator.settlement import transitions
from facilitator.settlement.retention import GRACE_SECONDS
from facilitator.settlement.tracking.confirmation import Confirmation
from facilitator.settlement.tracking.pending_settlement import (
    ACCEPTED_CHECK_SECONDS,
    PendingSettlement,
    is_open,
)
from facilitator.settlement.tracking.recovery import Recovery
from facilitator.settlement.tracking.submission import Submission
from facilitator.settlement.tracking.tracked_network import TrackedNetwork

_ROUND_SECONDS = 1.0

_log = logging.getLogger("facilitator.settlement")


class Reconciliation:
    """Checks due settlements once a second, and claims left by others once in a lease."""

    def __init__(
        self,
        network: TrackedNetwork,
        confirmation: Confirmation,
        submission: Submission,
        recovery: Recovery,
        on_error: Callable[[BaseException], None],
    ) -> None:
        """Call ``on_error`` with unforeseen errors of the thread."""
        self._network = network
        self._chain = network.chain.provider
        self._follower = network.chain.follower
        self._storage = network.storage
        self._pending = network.pending
        self._writer = network.writer
        self._clock = network.clock
        self._confirmation = confirmation
        self._submission = submission
        self._recovery = recovery
        self._on_error = on_error
        self._longest_wait = max(ACCEPTED_CHECK_SECONDS, network.lease_seconds)
        self._next_scan = 0.0
        self._stopped = threading.Event()
        self._thread = threading.Thread(
            target=self._run, name=f"settlement {self._chain.network}", daemon=True
        )

    def start(self) -> None:
        """Start the thread. Called once."""
        self._thread.start()

    def close(self) -> None:
        """End the thread."""
        self._stopped.set()
        self._pending.due.set()
        if self._thread.ident is not None:
            self._thread.join()

    def adopt(self, claim: Claim) -> PendingSettlement:
        """Track an open claim that was submitted before, by this or another process.

        While its lease lasts, its owner may be about to submit the transaction. What the followed
        blocks show of it need not be asked.
        """
        now = self._clock.time()
        check_in = claim.lease_until - now
        if claim.accepted and self._follower.watched_since <= claim.updated_at:
            check_in = claim.updated_at + ACCEPTED_CHECK_SECONDS - now
        return self._confirmation.adopt(claim, check_in)

    def _run(self) -> None:
        while not self._stopped.is_set():
            self._pending.due.clear()
            try:
                self._run_once()
            except StorageUnavailable as error:
                _log.error("cannot look for open settlements: %s", error)
            except ChainUnavailable as error:
                _log.warning("cannot follow %s: %s", self._chain.network, error)
            except Exception as error:
                self._on_error(error)
            self._pending.due.wait(_ROUND_SECONDS)

    def _run_once(self) -> None:
        now = self._clock.time()
        if _is_due(self._next_scan, now, self._network.lease_seconds):
            self._next_scan = now + self._network.lease_seconds
            self._adopt_open_claims()
        every = self._pending.all()
        if every:
            self._follower.follow()
            with suppress(StorageUnavailable):  # the part that needs it reports that it is away
                self._recovery.restore_missing(every)
        for pending in every:
            if _is_due(pending.check_at, self._clock.time(), self._longest_wait):
                self._check_pending(pending)

    def _adopt_open_claims(self) -> None:
        now = self._clock.time()
        self._storage.forget_claims(now)
        every = self._pending.all()  # first: what is added from now on is not missing below
        stored = self._storage.open_claims()
        self._mark_missing(every, stored)
        for claim in stored:
            if claim.network != self._chain.network or claim.lease_until > now:
                continue
            if claim.state is ClaimState.CLAIMED:
                self._storage.remove_claim(claim)
            elif self._pending.find(claim.transaction_id) is None:
                _log.info("taking up the settlement of %s", claim.transaction_id)
                self.adopt(claim)

    def _mark_missing(self, every: Sequence[PendingSettlement], stored: Sequence[Claim]) -> None:
        """Mark those not stored as open in their latest version: they are decided, or lost."""
        versions = {claim.transaction_id: claim.version for claim in stored}
        for each in every:
            if versions.get(each.claim.transaction_id, -1) < each.claim.version:
                self._writer.report_missing(each)

    def _check_pending(self, pending: PendingSettlement) -> None:
        block = pending.block
        if block is None:
            self._ask_chain(pending)
        else:  # what its block has shown may not be written yet
            self._confirmation.found_in(pending, block)

    def _ask_chain(self, pending: PendingSettlement) -> None:
        """Ask for the transaction by id; send it again if it is nowhere and may still land."""
        pending.begin_check(self._clock.time())
        tip = self._follower.follow()
        try:
            status = self._chain.transaction(pending.claim.transaction_id)
            if isinstance(status, InBlock):
                self._confirmation.found_in(pending, status)
            elif isinstance(status, InMempool):
                self._submission.accepted(pending)
            else:
                self._not_found(pending, tip)
        except ChainUnavailable as error:
            _log.warning("asking for %s: %s", pending.claim.transaction_id, error)

    def _not_found(self, pending: PendingSettlement, tip: Tip) -> None:
        if pending.block is not None:
            return  # the follower saw it in a block meanwhile
        now = self._clock.time()
        self._writer.advance(pending, transitions.roll_back(now))
        claim = pending.claim
        if not self._is_still_open(pending):
            return
        if tip.point.slot < claim.invalid_hereafter:
            lease_until = now + self._network.lease_seconds
            step = transitions.resubmit(pending.owner, now, lease_until)
            if self._writer.advance(pending, step):
                self._submission.again(pending)
        elif self._is_long_over(claim, tip):
            self._writer.advance(pending, transitions.expire(now))

    def _is_long_over(self, claim: Claim, tip: Tip) -> bool:
        """Return True if the validity ended long enough ago, by the chain's time."""
        start_ms = self._chain.eras().start_ms
        over_ms = start_ms(tip.point.slot) - start_ms(claim.invalid_hereafter)
        return over_ms >= GRACE_SECONDS * 1000

    def _is_still_open(self, pending: PendingSettlement) -> bool:
        """Return True if the stored claim is open: what another process has ended must not land."""
        known = pending.claim
        stored = self._storage.claim(known.transaction_id)
        if stored is None or stored.version < known.version:
            self._writer.report_missing(pending)
            return False
        pending.update_claim(stored)
        if stored.state.is_final:
            self._pending.remove(known.transaction_id)
        return is_open(stored)


def _is_due(at: float, now: float, longest_wait: float) -> bool:
    """Return True if the time has come.

    A time beyond the longest wait was set before the clock went back.
    """
    return not now < at <= now + longest_wait
