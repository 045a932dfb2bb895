"""Asks the chain by id for what its blocks do not show, in a thread of its own.

These are transactions whose submission had no known outcome, and those of a process that is gone.
The same bytes may be submitted again: the ledger takes a transaction once.
"""

import logging
import threading
import uuid
from collections.abc import Callable, Sequence

from facilitator.chain.recent_blocks import status_of
from facilitator.roles.chain import InBlock, InMempool, Tip
from facilitator.roles.chain_errors import ChainUnavailable, ProviderBehind
from facilitator.roles.claim import Claim
from facilitator.roles.storage import StorageUnavailable
from facilitator.settlement import transitions
from facilitator.settlement.retention import GRACE_SECONDS
from facilitator.settlement.tracking.adoption import Adoption
from facilitator.settlement.tracking.confirmation import Confirmation
from facilitator.settlement.tracking.pending_settlement import (
    ACCEPTED_CHECK_SECONDS,
    PendingSettlement,
    is_open,
)
from facilitator.settlement.tracking.questions import BlindRounds, Questions
from facilitator.settlement.tracking.recovery import Recovery
from facilitator.settlement.tracking.submission import Submission
from facilitator.settlement.tracking.tracked_network import TrackedNetwork

_ROUND_SECONDS = 1.0

_log = logging.getLogger("facilitator.settlement")


class Reconciliation:
    """Checks due settlements once a second, and what others have left open."""

    def __init__(
        self,
        network: TrackedNetwork,
        confirmation: Confirmation,
        submission: Submission,
        recovery: Recovery,
        adoption: Adoption,
        on_error: Callable[[BaseException], None],
    ) -> None:
        """Call ``on_error`` with unforeseen errors of the thread."""
        self._network = network
        self._chain = network.chain.provider
        self._follower = network.chain.follower
        self._pending = network.pending
        self._writer = network.writer
        self._clock = network.clock
        self._confirmation = confirmation
        self._submission = submission
        self._recovery = recovery
        self._adoption = adoption
        self._on_error = on_error
        self._leases = network.leases
        self._questions = Questions(self._follower)
        self._blind = BlindRounds()
        self._longest_wait = max(ACCEPTED_CHECK_SECONDS, network.leases.seconds)
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

    def _run(self) -> None:
        while not self._stopped.is_set():
            self._pending.due.clear()
            self._run_once()
            self._pending.due.wait(_ROUND_SECONDS)

    def _run_once(self) -> None:
        """Take every step of a round, whatever becomes of the others."""
        self._attempt(self._adoption.run)
        if not self._pending.all():
            return
        for step in (self._follower.follow, self._restore, self._confirm_again, self._ask):
            self._attempt(step)

    def _attempt(self, step: Callable[[], object]) -> None:
        try:
            step()
        except StorageUnavailable as error:
            _log.error("cannot look for open settlements: %s", error.detail)
        except ChainUnavailable as error:
            _log.warning("cannot follow %s: %s", self._chain.network, error)
        except Exception as error:
            self._on_error(error)

    def _restore(self) -> None:
        self._recovery.restore_missing(self._pending.all())

    def _confirm_again(self) -> None:
        for pending in self._due():
            block = pending.block
            if block is not None:  # what its block has shown may not be written yet
                self._confirmation.found_in(pending, block)

    def _ask(self) -> None:
        """Ask by id for what no block shows; without blocks to see, for all."""
        if not self._follower.sight.is_lost:
            for pending in self._questions.choose([e for e in self._due() if e.block is None]):
                if pending.block is None:  # another's answer may have shown it
                    self._ask_chain(pending)
            return
        for pending in self._questions.choose(self._blind.due(self._pending.all())):
            self._blind.ask(pending)
            self._ask_chain(pending)

    def _due(self) -> Sequence[PendingSettlement]:
        now, every = self._clock.time(), self._pending.all()
        return [each for each in every if _is_due(each.check_at, now, self._longest_wait)]

    def _tip(self) -> Tip:
        """Return the newest block: the provider's while the follower cannot see it.

        Raises :class:`ProviderBehind` if that is older than what was followed.
        """
        if not self._follower.sight.is_lost:
            return self._follower.follow()
        tip, known = self._chain.tip(), self._follower.tip
        if known is not None and tip.height < known.height:
            raise ProviderBehind("its tip is behind the blocks that were followed")
        return tip

    def _ask_chain(self, pending: PendingSettlement) -> None:
        """Ask for the transaction by id; send it again if it is nowhere and may still land."""
        pending.begin_check(self._clock.time())
        try:
            tip = self._tip()
            claim = pending.claim
            status = status_of(self._chain, claim)
            if isinstance(status, InBlock):
                # A standby may have taken over in between, for which the block is less deep.
                tip = min(tip, self._tip(), key=lambda each: each.height)
                self._confirmation.found_in(pending, status, tip)
                self._found_block(status, tip)
            elif isinstance(status, InMempool):
                self._submission.found_waiting(pending)
            else:
                self._not_found(pending, tip)
        except ChainUnavailable as error:
            _log.warning("asking for %s: %s", pending.claim.transaction_id, error)

    def _found_block(self, block: InBlock, tip: Tip) -> None:
        """Confirm all settlements at once that were seen in this block, which is on the chain."""
        every = self._pending.all()
        same = [each for each in every if each.block is None and each.was_in(block)]
        self._confirmation.found_together(same, block, tip)

    def _not_found(self, pending: PendingSettlement, tip: Tip) -> None:
        if pending.block is not None:
            return  # the follower saw it in a block meanwhile
        now = self._clock.time()
        self._writer.advance(pending, transitions.roll_back(now))
        claim = pending.claim
        if not self._is_still_open(pending):
            return
        if tip.point.slot < claim.invalid_hereafter:
            self._send_again(pending)
        elif self._is_long_over(claim, tip):
            self._writer.advance(pending, transitions.expire(now))

    def _send_again(self, pending: PendingSettlement) -> None:
        seen, owner, attempt = pending.claim, pending.owner, uuid.uuid4().hex
        now = self._clock.time()
        until = now + self._leases.seconds
        step = transitions.resubmit(seen, owner, attempt, now, until, self._leases.is_over)
        if self._writer.advance(pending, step):
            pending.send_as(attempt)
            self._submission.again(pending, may_be_taken=seen.error is None)

    def _is_long_over(self, claim: Claim, tip: Tip) -> bool:
        """Return True if the validity ended long enough ago, by the chain's time."""
        start_ms = self._chain.eras().start_ms
        over_ms = start_ms(tip.point.slot) - start_ms(claim.invalid_hereafter)
        return over_ms >= GRACE_SECONDS * 1000

    def _is_still_open(self, pending: PendingSettlement) -> bool:
        """Return True if the stored claim is open: what another process has ended must not land."""
        stored = self._writer.refresh(pending)
        return stored is not None and is_open(stored)


def _is_due(at: float, now: float, longest_wait: float) -> bool:
    """Return True if the time has come, by the clock of this process that set it.

    A time beyond the longest wait was set before the clock went back.
    """
    return not now < at <= now + longest_wait
