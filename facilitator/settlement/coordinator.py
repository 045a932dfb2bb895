"""``/settle``: claim, submit once, wait for the evidence, deliver the success to one caller."""

import logging
import threading
import time
import uuid
from collections.abc import Mapping

from facilitator.clock import Clock
from facilitator.pauses import pausing
from facilitator.roles.chain import InBlock
from facilitator.roles.chain_errors import ChainUnavailable
from facilitator.roles.claim import Claim, ClaimState, Delivery
from facilitator.roles.refused import AlreadyOnChain, MayHaveLanded, Refused, lookup_failed
from facilitator.roles.scheme import SchemePayment
from facilitator.roles.storage import Storage, StorageUnavailable
from facilitator.settlement import responses, transitions
from facilitator.settlement.result_delivery import ResultDelivery
from facilitator.settlement.retention import GRACE_SECONDS, KEEP_SECONDS
from facilitator.settlement.settle_request import Admitted, SettleRequest
from facilitator.settlement.tracking.pending_settlement import PendingSettlement, is_open
from facilitator.settlement.tracking.tracker import Tracker
from facilitator.settlement.waiting_slots import WaitingSlots
from facilitator.settlement.write_places import WritePlaces
from facilitator.x402.messages import SettleResponse
from facilitator.x402.reasons import Reason

_CLAIMED_POLL_SECONDS = 0.1

_LATE_SECONDS = 1.0
"""Seconds beyond its time for which a caller queues to have its payment submitted at all."""

_log = logging.getLogger("facilitator.settlement")


class SettlementCoordinator:
    """Settles each payment exactly once, for any number of callers and repeats."""

    def __init__(
        self,
        storage: Storage,
        trackers: Mapping[str, Tracker],
        clock: Clock,
        *,
        lease_seconds: float,
        max_waiting: int,
    ) -> None:
        """Take the trackers by network; at most ``max_waiting`` callers wait at once."""
        self._storage = storage
        self._trackers = trackers
        self._clock = clock
        self._lease_seconds = lease_seconds
        self.waiting_slots = WaitingSlots(max_waiting)
        """Taken by the callers that wait."""
        self._write_places = WritePlaces()
        self._draining = threading.Event()
        self._delivery = ResultDelivery(storage, clock, self._write_places, self._draining)

    def drain(self) -> None:
        """Answer every waiting caller with what is known; let no caller wait from now on."""
        self._draining.set()
        for tracker in self._trackers.values():
            tracker.wake()

    def limit_waiting(self, number: int) -> None:
        """Let so many callers wait at once from now on; answer those beyond it soon."""
        self.waiting_slots.resize(number)
        for tracker in self._trackers.values():
            tracker.wake()

    def settle(self, payment: SchemePayment, request: SettleRequest) -> SettleResponse:
        """Settle the payment, or return its state.

        Whatever fails, a payment that may settle is pending. Raises
        :class:`~facilitator.roles.refused.Refused` when it is not valid and nothing was submitted,
        :class:`~facilitator.roles.storage.StorageUnavailable` when nothing is known of it.
        """
        deadline = time.monotonic() + request.wait_seconds
        claim, own = self._claim(payment, request, deadline)
        if claim is None:
            return responses.busy(payment)
        try:
            return self._respond(payment, claim, own, request, deadline)
        except StorageUnavailable as error:
            return responses.pending(claim, None, _without_storage(error))

    def pending_without_storage(
        self, payment: SchemePayment, error: StorageUnavailable
    ) -> SettleResponse | None:
        """Return that the payment is pending, if it is in this process."""
        pending = self._trackers[payment.terms.network.id].find(payment.transaction_id)
        if pending is None:
            return None
        return responses.pending(pending.claim, None, _without_storage(error))

    def _respond(
        self,
        payment: SchemePayment,
        claim: Claim,
        own: PendingSettlement | None,
        request: SettleRequest,
        deadline: float,
    ) -> SettleResponse:
        """Wait for the submitted payment, and return its state.

        ``own`` is its settlement if this call has just submitted it.
        """
        tracker = self._trackers[payment.terms.network.id]
        if own is None:
            claim = tracker.correct(claim)
            if not claim.state.is_given_up:
                if claim.requirements != payment.fingerprint:
                    why = "it settles other requirements, or another message"
                    return responses.duplicate(claim, why)
                request.join()
        if claim.state is ClaimState.SETTLED and claim.delivery is Delivery.NONE:
            try:
                claim = tracker.recheck_settled(claim)
            except ChainUnavailable as error:
                trouble = (
                    f"it was settled, and the chain cannot be asked whether it is still: {error}"
                )
                return responses.pending(claim, None, trouble)
        if not is_open(claim):
            return self._delivery.respond(PendingSettlement(claim), request, deadline)
        pending = own or tracker.track(claim)
        if own is not None and time.monotonic() >= deadline and not pending.is_decided():
            # It does not wait, and what it has just written need not be read again.
            return responses.pending(pending.claim, pending.depth, pending.trouble)
        self._wait(pending, request, deadline)
        return self._delivery.respond(pending, request, deadline)

    # --- Claiming and submitting ------------------------------------------------------------

    def _claim(
        self, payment: SchemePayment, request: SettleRequest, deadline: float
    ) -> tuple[Claim | None, PendingSettlement | None]:
        """Return the submitted (or final) claim on the payment, and what this call has submitted.

        The claim is ``None`` while another caller verifies it, if the time runs out or no slot to
        wait is free; and when so many others come first that the time runs out.
        """
        owner = uuid.uuid4().hex
        while True:
            # Read first: writes wait for each other, and of many callers only one has to write.
            claim = self._storage.claim(payment.transaction_id) or self._restored(payment)
            if claim is None:
                left = max(0.0, deadline - time.monotonic())
                if not self._write_places.acquire(timeout=left + _LATE_SECONDS):
                    return None, None
                try:
                    claim = self._storage.add_claim(self._new_claim(payment, owner, request))
                finally:
                    self._write_places.release()
            if claim.state is ClaimState.CLAIMED and claim.owner != owner:
                claim = self._take_over(payment, claim, owner, request)
            if claim.state is not ClaimState.CLAIMED:
                return claim, None
            if claim.owner == owner:
                own = self._submit(payment, claim, request)
                if own is not None:
                    return own.claim, own
            elif not self._wait_for_owner(payment, claim, request, deadline):
                return None, None

    def _restored(self, payment: SchemePayment) -> Claim | None:
        """Return the claim, if it is pending in this process and the storage has lost it."""
        try:
            return self._trackers[payment.terms.network.id].restore(payment.transaction_id)
        except ChainUnavailable as error:
            raise _may_settle(payment, f"submitted; the chain cannot be asked: {error}") from None

    def _wait_for_owner(
        self, payment: SchemePayment, claim: Claim, request: SettleRequest, deadline: float
    ) -> bool:
        """Wait while the claim's owner verifies the payment; return True if it no longer does."""
        lease_is_over = self._trackers[payment.terms.network.id].lease_is_over
        with self.waiting_slots.taken_by(claim.transaction_id, request.client) as slot:
            while slot and (left := deadline - time.monotonic()) > 0:
                with pausing():
                    is_draining = self._draining.wait(min(left, _CLAIMED_POLL_SECONDS))
                if is_draining:
                    return False
                stored = self._storage.claim(claim.transaction_id)
                if stored is None or stored.state is not ClaimState.CLAIMED:
                    return True
                if lease_is_over(stored):
                    return True
                if slot.is_revoked() or request.client_disconnected():
                    return False
            return False

    def _take_over(
        self, payment: SchemePayment, claim: Claim, owner: str, request: SettleRequest
    ) -> Claim:
        """Put a claim of this caller in its place if its owner's lease is over."""
        lease_is_over = self._trackers[payment.terms.network.id].lease_is_over
        step = transitions.take_over(self._new_claim(payment, owner, request), lease_is_over)
        return transitions.advance(self._storage, claim, step).claim or claim

    def _new_claim(self, payment: SchemePayment, owner: str, request: SettleRequest) -> Claim:
        now = self._clock.time()
        terms = payment.terms
        return Claim(
            transaction_id=payment.transaction_id,
            network=terms.network.id,
            state=ClaimState.CLAIMED,
            transaction=payment.transaction,
            requirements=payment.fingerprint,
            payer="",
            amount=terms.requirements.amount,
            confirmations=terms.confirmations,
            invalid_hereafter=payment.invalid_hereafter,
            owner=owner,
            lease_until=now + self._lease_seconds,
            created_at=now,
            updated_at=now,
            keep_until=now + terms.max_timeout_seconds + GRACE_SECONDS + KEEP_SECONDS,
            nonce=owner,
            scheme=terms.requirements.scheme,
            record=payment.record,
            details=request.details(),
        )

    def _submit(
        self, payment: SchemePayment, claim: Claim, request: SettleRequest
    ) -> PendingSettlement | None:
        """Judge the payment again and submit it; ``None`` when another caller took the claim."""
        tracker = self._trackers[claim.network]
        admitted: Admitted | None = None
        try:
            admitted = request.admit()
            tracker.follow()
        except AlreadyOnChain as landed:
            return self._rebuild(claim, landed.where)
        except BaseException as error:
            self._give_up(claim, admitted)  # nothing was sent
            if isinstance(error, MayHaveLanded):
                raise _may_settle(payment, error.message) from None
            if isinstance(error, ChainUnavailable):
                raise lookup_failed(error) from None
            raise
        announce = transitions.submit(claim.owner, admitted.payer, self._clock.time())
        try:
            with self._write_places:
                announced, by_us = transitions.advance(
                    self._storage, claim, announce, admitted.announce
                )
        except Refused:  # by the hold, beside which nothing was bound
            self._give_up(claim, None)
            raise
        except StorageUnavailable as error:
            # It may be written: then a process of this facilitator sends the transaction.
            raise _may_settle(payment, _without_storage(error)) from None
        if announced is None or not by_us:
            return None
        return tracker.submit(announced)

    def _give_up(self, claim: Claim, admitted: Admitted | None) -> None:
        """Remove the claim and what is held for it, unless another caller has taken it over."""
        if admitted is None:
            self._storage.remove_claim(claim)
            return
        # The owner alone may release, so the lease is prolonged for as long as that takes.
        now = self._clock.time()
        step = transitions.abandon(
            claim.owner, now, now + self._lease_seconds, lambda stored: stored.owner == claim.owner
        )
        kept, by_us = transitions.advance(self._storage, claim, step)
        if kept is not None and by_us:
            admitted.withdraw()
            self._storage.remove_claim(kept)

    def _rebuild(self, claim: Claim, block: InBlock) -> PendingSettlement | None:
        """Track what is on the chain already; ``None`` when another caller took the claim."""
        step = transitions.rebuild(claim.owner, self._clock.time())
        with self._write_places:
            rebuilt, by_us = transitions.advance(self._storage, claim, step)
        if rebuilt is None or not by_us:
            return None
        _log.warning("the claim on %s was lost, and is made again", claim.transaction_id)
        return self._trackers[claim.network].track_in_block(rebuilt, block)

    def _wait(self, pending: PendingSettlement, request: SettleRequest, deadline: float) -> None:
        """Wait until the settlement is decided, and no longer than the caller does."""
        if pending.is_decided():
            return

        payment = pending.claim.transaction_id
        with self.waiting_slots.taken_by(payment, request.client) as slot:
            if slot is None:
                return

            def give_up() -> bool:
                return self._draining.is_set() or slot.is_revoked() or request.client_disconnected()

            pending.wait(deadline - time.monotonic(), give_up)


def _may_settle(payment: SchemePayment, why: str) -> Refused:
    """Return the answer "pending" to a payment that may settle, though no claim shows it now."""
    return Refused(
        Reason.PENDING,
        f"{why}. Repeat the call to go on waiting",
        extra={"status": "pending", "transactionId": payment.transaction_id},
    )


def _without_storage(error: StorageUnavailable) -> str:
    return f"the storage does not work: {error}"
