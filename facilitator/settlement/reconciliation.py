"""Asks for what blocks do not tell: in a thread of its own, by id.

These are transactions whose submission had no known outcome, or that were submitted by a process
that is gone. The same bytes may be submitted again: the ledger takes a transaction once.
"""

import logging
import threading
from collections.abc import Callable
from contextlib import suppress

from facilitator.chain.followed import FollowedChain
from facilitator.clock import Clock
from facilitator.roles.chain import ChainUnavailable, InBlock, InMempool, Tip
from facilitator.roles.storage import Storage, StorageUnavailable
from facilitator.settlement import transitions
from facilitator.settlement.claim import Claim, ClaimState
from facilitator.settlement.confirmation import Confirmation
from facilitator.settlement.lost import Recovery
from facilitator.settlement.observation import Observation, is_open
from facilitator.settlement.observed import Observed
from facilitator.settlement.recording import Recorder
from facilitator.settlement.submission import Submission

GRACE_SECONDS = 120
"""How long after its validity has ended a transaction may still turn up in a provider's index."""
UNKNOWN_CHECK_SECONDS = 5.0

_MAX_CHECK_SECONDS = 120.0
_ROUND_SECONDS = 1.0

_log = logging.getLogger("facilitator.settlement")


class Reconciliation:
    """Looks once a second for what is to be asked, and once a lease for what others left."""

    def __init__(
        self,
        chain: FollowedChain,
        storage: Storage,
        observed: Observed,
        recorder: Recorder,
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
        if self._clock.time() >= self._next_scan:
            self._next_scan = self._clock.time() + self._lease_seconds
            self._take_up_open_claims()
        observed = self._observed.all()
        if observed:
            self._follower.follow()
            with suppress(StorageUnavailable):  # whoever needs it tells that it is away
                self.recovery.notice(observed)
        for observation in observed:
            if observation.where is None and observation.check_at <= self._clock.time():
                self._check(observation)

    def _take_up_open_claims(self) -> None:
        now = self._clock.time()
        self._storage.forget_claims(now)
        for claim in self._storage.open_claims():
            if claim.network != self._chain.network or claim.lease_until > now:
                continue
            if claim.state is ClaimState.CLAIMED:
                self._storage.remove_claim(claim)
            elif self._observed.find(claim.transaction_id) is None:
                _log.info("taking up the settlement of %s", claim.transaction_id)
                self._take_up(claim)

    def _check(self, observation: Observation) -> None:
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

    def _not_found(self, observation: Observation, tip: Tip) -> None:
        if observation.where is not None:
            return  # the follower saw it in a block meanwhile
        now = self._clock.time()
        self._recorder.advance(observation, transitions.roll_back(now))
        claim = observation.claim
        if not self._is_still_open(observation):
            return
        if tip.point.slot < claim.invalid_hereafter:
            self._submission.again(observation)
        elif now >= self._chain.eras().start_ms(claim.invalid_hereafter) / 1000 + GRACE_SECONDS:
            self._recorder.advance(observation, transitions.expire(now))

    def _is_still_open(self, observation: Observation) -> bool:
        """Whether the stored claim is open: what another process has ended must not land now."""
        known = observation.claim
        stored = self._storage.claim(known.transaction_id)
        if stored is None or stored.version < known.version:
            return False  # lost, which is noticed in its turn
        observation.update(stored)
        if stored.state.is_final:
            self._observed.forget(known.transaction_id)
        return is_open(stored)
