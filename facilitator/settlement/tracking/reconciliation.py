"""Asks for what blocks do not tell: in a thread of its own, by id.

These are transactions whose submission had no known outcome, or that were submitted by a process
that is gone. The same bytes may be submitted again: the ledger takes a transaction once.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress

from facilitator.chain.followed_chain import FollowedChain
from facilitator.clock import Clock
from facilitator.roles.chain import ChainUnavailable, InBlock, InMempool, Tip
from facilitator.roles.claim import Claim, ClaimState
from facilitator.roles.storage import Storage, StorageUnavailable
from facilitator.settlement import transitions
from facilitator.settlement.retention import GRACE_SECONDS
from facilitator.settlement.tracking.claim_writer import ClaimWriter
from facilitator.settlement.tracking.confirmation import Confirmation
from facilitator.settlement.tracking.pending_settlement import (
    ACCEPTED_CHECK_SECONDS,
    UNKNOWN_CHECK_SECONDS,
    PendingSettlement,
    is_open,
)
from facilitator.settlement.tracking.pending_settlements import PendingSettlements
from facilitator.settlement.tracking.recovery import Recovery
from facilitator.settlement.tracking.submission import Submission

_MAX_CHECK_SECONDS = 120.0
_ROUND_SECONDS = 1.0

_log = logging.getLogger("facilitator.settlement")


class Reconciliation:
    """Looks once a second for what is to be asked, and once a lease for what others left."""

    def __init__(
        self,
        chain: FollowedChain,
        storage: Storage,
        observed: PendingSettlements,
        recorder: ClaimWriter,
        confirmation: Confirmation,
        submission: Submission,
        clock: Clock,
        *,
        lease_seconds: float,
        take_up: Callable[[Claim], object],
        failed: Callable[[BaseException], None],
    ) -> None:
        """``take_up`` is to observe a claim; ``failed`` gets unforeseen errors of the thread."""
        self._chain = chain.provider
        self._follower = chain.follower
        self._storage = storage
        self._observed = observed
        self._recorder = recorder
        self._confirmation = confirmation
        self._submission = submission
        self._clock = clock
        self._lease_seconds = lease_seconds
        self._longest_wait = max(ACCEPTED_CHECK_SECONDS, lease_seconds)
        self._take_up = take_up
        self._failed = failed
        self.recovery = Recovery(storage, chain.provider)
        self._next_scan = 0.0
        self._stopped = threading.Event()
        self._thread = threading.Thread(
            target=self._run, name=f"settlement {self._chain.network}", daemon=True
        )

    def start(self) -> None:
        """Begin. Called once."""
        self._thread.start()

    def close(self) -> None:
        """End the thread."""
        self._stopped.set()
        self._observed.due.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._stopped.is_set():
            self._observed.due.clear()
            try:
                self._look()
            except StorageUnavailable as error:
                _log.error("cannot look for open settlements: %s", error)
            except ChainUnavailable as error:
                _log.warning("cannot follow %s: %s", self._chain.network, error)
            except Exception as error:
                self._failed(error)
            self._observed.due.wait(_ROUND_SECONDS)

    def _look(self) -> None:
        now = self._clock.time()
        if _is_due(self._next_scan, now, self._lease_seconds):
            self._next_scan = now + self._lease_seconds
            self._take_up_open_claims()
        observed = self._observed.all()
        if observed:
            self._follower.follow()
            with suppress(StorageUnavailable):  # whoever needs it tells that it is away
                self.recovery.notice(observed)
        for observation in observed:
            if _is_due(observation.check_at, self._clock.time(), self._longest_wait):
                self._look_after(observation)

    def _take_up_open_claims(self) -> None:
        now = self._clock.time()
        self._storage.forget_claims(now)
        observed = self._observed.all()  # first: what is observed since is not missed below
        stored = self._storage.open_claims()
        self._miss(observed, stored)
        for claim in stored:
            if claim.network != self._chain.network or claim.lease_until > now:
                continue
            if claim.state is ClaimState.CLAIMED:
                self._storage.remove_claim(claim)
            elif self._observed.find(claim.transaction_id) is None:
                _log.info("taking up the settlement of %s", claim.transaction_id)
                self._take_up(claim)

    def _miss(self, observed: Sequence[PendingSettlement], stored: Sequence[Claim]) -> None:
        """Have those looked at that are not there as they should be: decided since, or lost."""
        versions = {claim.transaction_id: claim.version for claim in stored}
        for each in observed:
            if versions.get(each.claim.transaction_id, -1) < each.claim.version:
                self._recorder.missed(each)

    def _look_after(self, observation: PendingSettlement) -> None:
        where = observation.where
        if where is None:
            self._check(observation)
        else:  # what its block has told may not be written yet
            self._confirmation.found(observation, where)

    def _check(self, observation: PendingSettlement) -> None:
        """Ask for the transaction by id; send it again if it is nowhere and may still land."""
        observation.checks += 1
        wait = min(UNKNOWN_CHECK_SECONDS * 2.0 ** (observation.checks - 1), _MAX_CHECK_SECONDS)
        observation.check_at = self._clock.time() + wait
        tip = self._follower.follow()
        try:
            status = self._chain.transaction(observation.claim.transaction_id)
            if isinstance(status, InBlock):
                self._confirmation.found(observation, status)
            elif isinstance(status, InMempool):
                self._submission.accepted(observation)
            else:
                self._not_found(observation, tip)
        except ChainUnavailable as error:
            _log.warning("asking for %s: %s", observation.claim.transaction_id, error)

    def _not_found(self, observation: PendingSettlement, tip: Tip) -> None:
        if observation.where is not None:
            return  # the follower saw it in a block meanwhile
        now = self._clock.time()
        self._recorder.advance(observation, transitions.roll_back(now))
        claim = observation.claim
        if not self._is_still_open(observation):
            return
        if tip.point.slot < claim.invalid_hereafter:
            step = transitions.resubmit(observation.owner, now, now + self._lease_seconds)
            if self._recorder.advance(observation, step):
                self._submission.again(observation)
        elif self._is_long_over(claim, tip):
            self._recorder.advance(observation, transitions.expire(now))

    def _is_long_over(self, claim: Claim, tip: Tip) -> bool:
        """Whether its validity ended a good while ago, by the chain, whatever our clock says."""
        start_ms = self._chain.eras().start_ms
        over_ms = start_ms(tip.point.slot) - start_ms(claim.invalid_hereafter)
        return over_ms >= GRACE_SECONDS * 1000

    def _is_still_open(self, observation: PendingSettlement) -> bool:
        """Whether the stored claim is open: what another process has ended must not land now."""
        known = observation.claim
        stored = self._storage.claim(known.transaction_id)
        if stored is None or stored.version < known.version:
            self._recorder.missed(observation)
            return False
        observation.update(stored)
        if stored.state.is_final:
            self._observed.forget(known.transaction_id)
        return is_open(stored)


def _is_due(at: float, now: float, longest_wait: float) -> bool:
    """Whether the time has come; one beyond the longest wait was set before the clock went back."""
    return not now < at <= now + longest_wait
