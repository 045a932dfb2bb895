"""Tells one caller of the success, and the others that it was told."""

import secrets
import threading
import time

import orjson

from facilitator.clock import Clock
from facilitator.roles.claim import NOT_KNOWN, Claim, ClaimState
from facilitator.roles.storage import Storage, StorageUnavailable
from facilitator.settlement import responses, transitions
from facilitator.settlement.settle_request import SettleRequest
from facilitator.settlement.tracking.pending_settlement import PendingSettlement, is_open
from facilitator.x402.messages import SettleResponse

MAX_REMEMBERED = 10_000
"""Successes that this process remembers to have told."""

_WRITE_SECONDS = 5.0
"""How long at least a storage that does not work is asked to note that a success was told."""
_WRITE_PAUSE_SECONDS = 0.2


class ResultDelivery:
    """Answers callers by the claim as it is stored."""

    def __init__(
        self,
        storage: Storage,
        clock: Clock,
        turn_to_write: threading.Semaphore,
        draining: threading.Event,
    ) -> None:
        """While ``draining`` nobody waits for a storage that does not work."""
        self._storage = storage
        self._clock = clock
        self._turn_to_write = turn_to_write
        self._draining = draining
        self._lock = threading.Lock()
        self._told: dict[str, tuple[bytes, str]] = {}
        """Answers and hashes of their keys; the oldest go first."""

    def answer(
        self, observation: PendingSettlement, caller: SettleRequest, deadline: float
    ) -> SettleResponse:
        """How the observed claim stands, for this caller.

        ``deadline`` is when it no longer waits (monotonic). Raises :class:`StorageUnavailable`.
        """
        claim = self._storage.claim(observation.claim.transaction_id) or observation.claim
        if claim.answer is not None and not (claim.answer == NOT_KNOWN and is_open(claim)):
            return self._told_before(claim, claim.answer, caller)
        if claim.state is ClaimState.REJECTED:
            return responses.rejected(claim)
        if claim.state is ClaimState.EXPIRED:
            return responses.expired(claim)
        if claim.is_success:
            # One after the other: all but the first need only read that somebody was told.
            with observation.telling:
                claim = self._storage.claim(claim.transaction_id) or claim
                return self._tell(claim, observation.depth, caller, deadline)
        return responses.pending(claim, observation.depth, observation.trouble)

    def _tell(
        self, claim: Claim, depth: int | None, caller: SettleRequest, deadline: float
    ) -> SettleResponse:
        """Report the success to this caller if nobody was told before and it is still there."""
        if claim.answer is None and (before := self._told.get(claim.transaction_id)):
            # The records went back to before it was told, by a copy that was restored for instance.
            again = transitions.tell(*before, self._clock.time())
            claim = transitions.advance(self._storage, claim, again).claim or claim
        if claim.answer is not None:
            return self._told_before(claim, claim.answer, caller)
        if caller.client_disconnected():
            return responses.pending(claim, depth)
        answer = orjson.dumps(responses.success(claim, depth).to_json())
        key = caller.key or _nobodys_key()
        told = self._write(claim, transitions.tell(answer, key, self._clock.time()), key, deadline)
        if told is None or told.answer is None:  # opened again meanwhile
            return responses.pending(told or claim, depth)
        if told.answer_key != key:
            return self._told_before(told, told.answer, caller)
        if caller.key is None and caller.client_disconnected():
            self._write(told, transitions.take_back(key, self._clock.time()), key, deadline)
            return responses.pending(claim, depth)
        self._remember(claim.transaction_id, told.answer, key)
        return responses.repeated(told.answer)

    def _remember(self, transaction_id: str, answer: bytes, key: str) -> None:
        with self._lock:
            self._told[transaction_id] = (answer, key)
            if len(self._told) > MAX_REMEMBERED:
                del self._told[next(iter(self._told))]

    def _write(
        self, claim: Claim, step: transitions.Step, key: str, deadline: float
    ) -> Claim | None:
        """The claim with the step taken, if that could be. Raises :class:`StorageUnavailable`.

        Whether a change was made that failed is not known, and a success must neither be told nor
        used up by chance: it is tried for as long as the caller waits, or a little longer.
        """
        deadline = max(deadline, time.monotonic() + _WRITE_SECONDS)
        while True:
            try:
                with self._turn_to_write:
                    after, by_us = transitions.advance(self._storage, claim, step)
                    if after is not None and not by_us and after.answer_key == key:
                        self._make_sure(after)
                    return after
            except StorageUnavailable:
                if time.monotonic() > deadline or self._draining.wait(_WRITE_PAUSE_SECONDS):
                    raise

    def _make_sure(self, claim: Claim) -> None:
        """Have what was read written, if it is there still: the try that wrote it may have failed.

        It may not be where it would last yet. Raises :class:`StorageUnavailable`.
        """
        if not self._storage.change_claim(claim):
            raise StorageUnavailable("it has lost what it held a moment ago")

    def _told_before(self, claim: Claim, answer: bytes, caller: SettleRequest) -> SettleResponse:
        if _is_same(claim, caller):
            self._make_sure(claim)
        return _told_before(claim, answer, caller)


def _is_same(claim: Claim, caller: SettleRequest) -> bool:
    """Return whether the caller is, by its key, the one who was told."""
    return caller.key is not None and claim.answer_key == caller.key


def _told_before(claim: Claim, answer: bytes, caller: SettleRequest) -> SettleResponse:
    """The same answer to the one who was told, by its key; to everybody else that it was told."""
    if _is_same(claim, caller):
        return responses.repeated(answer)
    if answer == NOT_KNOWN:
        return responses.duplicate(
            claim, "its record was lost, so that whether its success was reported is not known"
        )
    return responses.duplicate(claim, "its success was already reported")


def _nobodys_key() -> str:
    """It tells this telling from others, and lets nobody have the answer again."""
    return secrets.token_hex(32)
