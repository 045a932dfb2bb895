"""Delivers the success of a settlement to one caller, and says to others that it was delivered."""

import secrets
import threading
import time

import orjson

from facilitator.clock import Clock
from facilitator.pauses import pausing
from facilitator.roles.claim import Claim, ClaimState, Delivery
from facilitator.roles.storage import Storage, StorageUnavailable
from facilitator.settlement import responses, transitions
from facilitator.settlement.settle_request import SettleRequest
from facilitator.settlement.tracking.pending_settlement import PendingSettlement, is_open
from facilitator.settlement.write_places import WritePlaces
from facilitator.x402.messages import SettleResponse

MAX_REMEMBERED = 10_000
"""Deliveries that this process remembers."""

_WRITE_SECONDS = 5.0
"""For how long at least a delivery is written again to a storage that does not work."""
_WRITE_PAUSE_SECONDS = 0.2


class ResultDelivery:
    """Answers callers by the claim as it is stored."""

    def __init__(
        self,
        storage: Storage,
        clock: Clock,
        write_places: WritePlaces,
        draining: threading.Event,
    ) -> None:
        """While ``draining`` is set, do not wait for a storage that does not work."""
        self._storage = storage
        self._clock = clock
        self._write_places = write_places
        self._draining = draining
        self._lock = threading.Lock()
        self._delivered: dict[str, transitions.Receipt] = {}
        """Deliveries by transaction; the oldest go first."""

    def respond(
        self, pending: PendingSettlement, request: SettleRequest, deadline: float
    ) -> SettleResponse:
        """Return the state of the settlement, for this caller.

        ``deadline`` is when it no longer waits (monotonic). Raises :class:`StorageUnavailable`.
        """
        claim = self._storage.claim(pending.claim.transaction_id) or pending.claim
        delivery = claim.delivery
        may_land_yet = delivery is Delivery.UNKNOWN and is_open(claim)
        if delivery is not Delivery.NONE and not may_land_yet:
            return self._already_delivered(claim, request)
        if claim.state is ClaimState.REJECTED:
            return responses.rejected(claim)
        if claim.state is ClaimState.EXPIRED:
            return responses.expired(claim)
        if claim.is_success:
            # One after the other: all but the first only read that it is delivered.
            with pending.delivery_lock:
                claim = self._storage.claim(claim.transaction_id) or claim
                return self._deliver(claim, pending.depth, request, deadline)
        return responses.pending(claim, pending.depth, pending.trouble)

    def _deliver(
        self, claim: Claim, depth: int | None, request: SettleRequest, deadline: float
    ) -> SettleResponse:
        """Return the success if no caller received it before and this one is still connected."""
        before = self._delivered.get(claim.transaction_id)
        if before is not None and claim.delivery is Delivery.NONE:
            # The records went back to before the delivery, by a restored copy for instance.
            again = transitions.deliver(before, self._clock.time())
            claim = transitions.advance(self._storage, claim, again).claim or claim
        if claim.delivery is not Delivery.NONE:
            return self._already_delivered(claim, request)
        if request.client_disconnected():
            return responses.pending(claim, depth)
        answer = orjson.dumps(responses.success(claim, depth, request.answer(claim)).to_json())
        key = request.key or _unique_key()
        receipt = transitions.Receipt(answer, key, request.client, request.request_id)
        step = transitions.deliver(receipt, self._clock.time())
        delivered = self._write(claim, step, key, deadline)
        if delivered is None or delivered.answer is None:  # opened again meanwhile
            return responses.pending(delivered or claim, depth)
        if delivered.answer_key != key:
            return self._already_delivered(delivered, request)
        if request.key is None and request.client_disconnected():
            take_back = transitions.take_back(key, self._clock.time())
            self._write(delivered, take_back, key, deadline)
            return responses.pending(claim, depth)
        self._remember(claim.transaction_id, receipt._replace(answer=delivered.answer))
        return responses.repeated(delivered.answer)

    def _remember(self, transaction_id: str, receipt: transitions.Receipt) -> None:
        with self._lock:
            self._delivered[transaction_id] = receipt
            if len(self._delivered) > MAX_REMEMBERED:
                del self._delivered[next(iter(self._delivered))]

    def _write(
        self, claim: Claim, step: transitions.Step, key: str, deadline: float
    ) -> Claim | None:
        """Return the claim with the step applied, if it did. Raises :class:`StorageUnavailable`.

        A change that failed may have been written. A success must neither be delivered nor used up
        by chance: the change is tried for as long as the caller waits, or a little longer.
        """
        deadline = max(deadline, time.monotonic() + _WRITE_SECONDS)
        while True:
            try:
                with self._write_places:
                    after, by_us = transitions.advance(self._storage, claim, step)
                    if after is not None and not by_us and after.answer_key == key:
                        self._make_durable(after)
                    return after
            except StorageUnavailable:
                if time.monotonic() > deadline:
                    raise
                with pausing():
                    is_draining = self._draining.wait(_WRITE_PAUSE_SECONDS)
                if is_draining:
                    raise

    def _make_durable(self, claim: Claim) -> None:
        """Write what was read, if it is still there: the try that wrote it may have failed.

        It may not be where it would last yet. Raises :class:`StorageUnavailable`.
        """
        if not self._storage.change_claim(claim):
            raise StorageUnavailable("it has lost what it held a moment ago")

    def _already_delivered(self, claim: Claim, request: SettleRequest) -> SettleResponse:
        if is_same_caller(claim, request):
            self._make_durable(claim)
        return already_delivered(claim, request)


def is_same_caller(claim: Claim, request: SettleRequest) -> bool:
    """Return True if the caller is, by its key, the one that received the success."""
    return request.key is not None and claim.answer_key == request.key


def already_delivered(claim: Claim, request: SettleRequest) -> SettleResponse:
    """Return the same answer to the caller that received it, by its key; else a duplicate."""
    if claim.delivery is Delivery.UNKNOWN:
        return responses.duplicate(
            claim, "its record was lost, so that whether its success was reported is not known"
        )
    if claim.answer is not None and is_same_caller(claim, request):
        return responses.repeated(claim.answer)
    return responses.duplicate(claim, "its success was already reported")


def _unique_key() -> str:
    """Return a key that identifies this delivery and that no caller can repeat it under."""
    return secrets.token_hex(32)
