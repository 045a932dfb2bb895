"""``/settle``: claim, submit once, wait for the evidence, tell one caller of the success."""

import hashlib
import logging
import secrets
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import orjson

from facilitator.clock import Clock
from facilitator.exact.payment import Payment
from facilitator.exact.refused import Landed, Refused
from facilitator.roles.chain import ChainUnavailable, InBlock
from facilitator.roles.storage import Storage, StorageUnavailable
from facilitator.settlement import answers, transitions
from facilitator.settlement.claim import NOT_KNOWN, Claim, ClaimState
from facilitator.settlement.lost import KEEP_SECONDS
from facilitator.settlement.observation import Observation, is_open
from facilitator.settlement.places import Places
from facilitator.settlement.reconciliation import GRACE_SECONDS
from facilitator.settlement.tracker import Tracker
from facilitator.x402.messages import SettleResponse
from facilitator.x402.reasons import Reason

MAX_REMEMBERED = 10_000
"""Successes that this process remembers to have told."""

_CLAIMED_POLL_SECONDS = 0.1

_WRITERS = 32
"""Callers that write to the storage at once. In a crowd the others queue here: a storage lets a
write wait only so long before it calls itself too busy.
"""
_LATE_SECONDS = 1.0
"""How long beyond its time a caller queues to have its payment submitted at all."""
_WRITE_SECONDS = 5.0
"""How long at least a storage that does not work is asked to note that a success was told."""
_WRITE_PAUSE_SECONDS = 0.2

_log = logging.getLogger("facilitator.settlement")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who waits for an answer of ``/settle``, and how."""

    wait_seconds: float
    key: str | None
    """Hash of the idempotency key."""
    is_gone: Callable[[], bool]
    """Whether the caller has hung up."""


class Settler:
    """Settles payments exactly once, whoever asks and however often."""

    def __init__(
        self,
        storage: Storage,
        trackers: Mapping[str, Tracker],
        judge: Callable[[Payment], str],
        clock: Clock,
        *,
        lease_seconds: float,
        max_waiting: int,
    ) -> None:
        """``judge`` returns the payer of a payment that may be submitted now, or refuses."""
        self._storage = storage
        self._trackers = trackers
        self._judge = judge
        self._clock = clock
        self._lease_seconds = lease_seconds
        self.places = Places(max_waiting)
        """Those that callers wait in."""
        self._turn_to_write = threading.Semaphore(_WRITERS)
        self._draining = threading.Event()
        self._lock = threading.Lock()
        self._told: dict[str, tuple[bytes, str]] = {}
        """Answers and hashes of their keys; the oldest go first."""

    def drain(self) -> None:
        """Answer every waiting caller with what is known; let nobody wait from now on."""
        self._draining.set()
        for tracker in self._trackers.values():
            tracker.wake()

    def settle(self, payment: Payment, caller: Caller) -> SettleResponse:
        """Settle the payment or say how it stands.

        Raises :class:`~facilitator.exact.refused.Refused` when it is not valid and nothing was
        submitted, :class:`~facilitator.roles.storage.StorageUnavailable`.
        """
        deadline = time.monotonic() + caller.wait_seconds
        claim = self._claim(payment, deadline)
        if claim is None:
            return answers.busy(payment)
        never_landed = claim.state in (ClaimState.REJECTED, ClaimState.EXPIRED)
        if not never_landed and claim.requirements != payment.terms.requirements.fingerprint():
            return answers.duplicate(claim, "it settles other requirements")
        tracker = self._trackers[claim.network]
        if claim.state is ClaimState.SETTLED and claim.answer is None:
            try:
                claim = tracker.confirm(claim)
            except ChainUnavailable as error:
                trouble = (
                    f"it was settled, and the chain cannot be asked whether it is still: {error}"
                )
                return answers.pending(claim, None, trouble)
        if not is_open(claim):
            return self._answer(Observation(claim), caller, deadline)
        observation = tracker.observe(claim)
        self._wait(observation, deadline)
        return self._answer(observation, caller, deadline)

    # --- Claiming and submitting ------------------------------------------------------------

    def _claim(self, payment: Payment, deadline: float) -> Claim | None:
        """The submitted (or final) claim on the payment, made by us where there was none.

        ``None`` when somebody else verifies it, and does so still when the time runs out or there
        is no place to wait; and when so many others come first that the time runs out.
        """
        owner = uuid.uuid4().hex
        while True:
            # Read first: writes wait for each other, and of many callers only one has to write.
            claim = self._storage.claim(payment.transaction_id) or self._restored(payment)
            if claim is None:
                left = max(0.0, deadline - time.monotonic())
                if not self._turn_to_write.acquire(timeout=left + _LATE_SECONDS):
                    return None
                try:
                    claim = self._storage.add_claim(self._new_claim(payment, owner))
                finally:
                    self._turn_to_write.release()
            if claim.state is ClaimState.CLAIMED and claim.owner != owner:
                claim = self._take_over(claim, owner)
            if claim.state is not ClaimState.CLAIMED:
                return claim
            if claim.owner == owner:
                submitted = self._submit(payment, claim)
                if submitted is not None:
                    return submitted
            elif not self._wait_for_owner(claim, deadline):
                return None

    def _restored(self, payment: Payment) -> Claim | None:
        """The claim, if this process observes one that the storage has lost."""
        try:
            return self._trackers[payment.terms.network.id].restored(payment.transaction_id)
        except ChainUnavailable as error:
            raise _lookup_failed(error) from None

    def _wait_for_owner(self, claim: Claim, deadline: float) -> bool:
        """Wait while the claim's owner verifies the payment; whether it no longer does."""
        if not self.places.take():
            return False
        try:
            while (left := deadline - time.monotonic()) > 0:
                if self._draining.wait(min(left, _CLAIMED_POLL_SECONDS)):
                    return False
                stored = self._storage.claim(claim.transaction_id)
                if stored is None or stored.state is not ClaimState.CLAIMED:
                    return True
                if stored.lease_until <= self._clock.time():
                    return True
            return False
        finally:
            self.places.leave()

    def _take_over(self, claim: Claim, owner: str) -> Claim:
        """Make the claim ours if its owner's lease is over."""
        now = self._clock.time()
        step = transitions.take_over(owner, now, now + self._lease_seconds)
        return transitions.advance(self._storage, claim, step).claim or claim

    def _new_claim(self, payment: Payment, owner: str) -> Claim:
        now = self._clock.time()
        terms = payment.terms
        return Claim(
            transaction_id=payment.transaction_id,
            network=terms.network.id,
            state=ClaimState.CLAIMED,
            transaction=payment.transaction.raw,
            requirements=terms.requirements.fingerprint(),
            payer="",
            amount=terms.requirements.amount,
            confirmations=terms.confirmations,
            invalid_hereafter=payment.transaction.body.invalid_hereafter or 0,
            owner=owner,
            lease_until=now + self._lease_seconds,
            created_at=now,
            updated_at=now,
            keep_until=now + terms.max_timeout_seconds + GRACE_SECONDS + KEEP_SECONDS,
        )

    def _submit(self, payment: Payment, claim: Claim) -> Claim | None:
        """Judge the payment afresh and submit it; ``None`` when the claim was taken from us."""
        tracker = self._trackers[claim.network]
        try:
            payer = self._judge(payment)
            tracker.follow()
        except Landed as landed:
            return self._rebuild(claim, landed.where)
        except BaseException as error:
            self._storage.remove_claim(claim)  # nothing was sent
            if isinstance(error, ChainUnavailable):
                raise _lookup_failed(error) from None
            raise
        announce = transitions.submit(claim.owner, payer, self._clock.time())
        with self._turn_to_write:
            announced, by_us = transitions.advance(self._storage, claim, announce)
        if announced is None or not by_us:
            return None
        return tracker.submit(announced).claim

    def _rebuild(self, claim: Claim, where: InBlock) -> Claim | None:
        """Take up what is in the chain already; ``None`` when the claim was taken from us."""
        step = transitions.rebuild(claim.owner, self._clock.time())
        with self._turn_to_write:
            rebuilt, by_us = transitions.advance(self._storage, claim, step)
        if rebuilt is None or not by_us:
            return None
        _log.warning("the claim on %s was lost, and is made anew", claim.transaction_id)
        return self._trackers[claim.network].landed(rebuilt, where).claim

    # --- Waiting and answering --------------------------------------------------------------

    def _wait(self, observation: Observation, deadline: float) -> None:
        if observation.is_decided() or not self.places.take():
            return
        try:
            observation.wait(deadline - time.monotonic(), self._draining.is_set)
        finally:
            self.places.leave()

    def _answer(self, observation: Observation, caller: Caller, deadline: float) -> SettleResponse:
        claim = self._storage.claim(observation.claim.transaction_id) or observation.claim
        if claim.answer is not None and not (claim.answer == NOT_KNOWN and is_open(claim)):
            return _told_before(claim, claim.answer, caller)
        if claim.state is ClaimState.REJECTED:
            return answers.rejected(claim)
        if claim.state is ClaimState.EXPIRED:
            return answers.expired(claim)
        if claim.is_success:
            # One after the other: all but the first need only read that somebody was told.
            with observation.telling:
                claim = self._storage.claim(claim.transaction_id) or claim
                return self._tell(claim, observation.depth, caller, deadline)
        return answers.pending(claim, observation.depth, observation.trouble)

    def _tell(
        self, claim: Claim, depth: int | None, caller: Caller, deadline: float
    ) -> SettleResponse:
        """Report the success to this caller if nobody was told before and it is still there."""
        if claim.answer is None and (before := self._told.get(claim.transaction_id)):
            # The records went back to before it was told, by a copy that was restored for instance.
            again = transitions.tell(*before, self._clock.time())
            claim = transitions.advance(self._storage, claim, again).claim or claim
        if claim.answer is not None:
            return _told_before(claim, claim.answer, caller)
        if caller.is_gone():
            return answers.pending(claim, depth)
        answer = orjson.dumps(answers.success(claim, depth).to_json())
        key = caller.key or _nobodys_key()
        told = self._write(claim, transitions.tell(answer, key, self._clock.time()), deadline)
        if told is None or told.answer is None:  # opened again meanwhile
            return answers.pending(told or claim, depth)
        if told.answer_key != key:
            return _told_before(told, told.answer, caller)
        if caller.key is None and caller.is_gone():
            self._write(told, transitions.take_back(self._clock.time()), deadline)
            return answers.pending(claim, depth)
        self._remember(claim.transaction_id, told.answer, key)
        return answers.repeated(told.answer)

    def _remember(self, transaction_id: str, answer: bytes, key: str) -> None:
        with self._lock:
            self._told[transaction_id] = (answer, key)
            if len(self._told) > MAX_REMEMBERED:
                del self._told[next(iter(self._told))]

    def _write(self, claim: Claim, step: transitions.Step, deadline: float) -> Claim | None:
        """The claim with the step taken, if that could be. Raises :class:`StorageUnavailable`.

        Whether a change was made that failed is not known, and a success must neither be told nor
        used up by chance: it is tried for as long as the caller waits, or a little longer.
        """
        deadline = max(deadline, time.monotonic() + _WRITE_SECONDS)
        while True:
            try:
                with self._turn_to_write:
                    return transitions.advance(self._storage, claim, step).claim
            except StorageUnavailable:
                if time.monotonic() > deadline or self._draining.wait(_WRITE_PAUSE_SECONDS):
                    raise


def _told_before(claim: Claim, answer: bytes, caller: Caller) -> SettleResponse:
    """The same answer to the one who was told, by its key; to everybody else that it was told."""
    if caller.key is not None and claim.answer_key == caller.key:
        return answers.repeated(answer)
    if answer == NOT_KNOWN:
        return answers.duplicate(
            claim, "its record was lost, so that whether its success was reported is not known"
        )
    return answers.duplicate(claim, "its success was already reported")


def _lookup_failed(error: ChainUnavailable) -> Refused:
    return Refused(Reason.CHAIN_LOOKUP_FAILED, f"the chain could not be asked, try again: {error}")


def _nobodys_key() -> str:
    """It tells this telling from others, and lets nobody have the answer again."""
    return secrets.token_hex(32)


def key_hash(key: str) -> str:
    """What is stored of an idempotency key: it may be somebody's secret."""
    return hashlib.sha256(key.encode()).hexdigest()
