"""Inputs held for payments: as a fact while one is settled, as advice once it was verified.

A verification commits nothing (x402 specification §7.1). Its hold refuses no settlement, gives way
to a newer payment of the same payer to the same recipient, and ends when it is cancelled. It shows
other resource servers that the same UTxO was offered elsewhere. A settlement holds its inputs
until it is decided: a rival cannot land.
"""

import sys
import threading
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from facilitator.clock import Clock
from facilitator.roles.claim import Claim
from facilitator.roles.refused import Refused
from facilitator.roles.scheme import SchemePayment
from facilitator.roles.storage import HoldsWithClaim, Reservation, ReservedElsewhere, Storage
from facilitator.settings import ReservationSettings
from facilitator.settlement.retention import GRACE_SECONDS, KEEP_SECONDS
from facilitator.x402.reasons import Reason

T = TypeVar("T")

MAX_REMEMBERED = 10_000
"""Verified payments that this process remembers."""


class Reservations:
    """Holds inputs in the storage. Safe to use from many threads."""

    def __init__(self, storage: Storage, clock: Clock, settings: ReservationSettings) -> None:
        """Hold nothing for verified payments when ``settings.ttl_seconds`` is 0."""
        self._storage = storage
        self._holds_with_claim = storage if isinstance(storage, HoldsWithClaim) else None
        self._clock = clock
        self._settings = settings
        self._lock = threading.Lock()
        self._held: dict[str, float] = {}
        """Unix time until which each payment's inputs are held; the oldest go first."""

    def hold_verified(
        self, payment: SchemePayment, payer: str, valid_until: float | None
    ) -> Mapping[str, Any]:
        """Hold the inputs of a payment that was found valid; return what its caller should know.

        The hold ends with the validity, at ``valid_until`` in Unix seconds. One that lasts for more
        than half of its time is not renewed, unless a settlement or a newer payment has ended it.
        Raises :class:`Refused` if an input belongs to another settlement, and
        :class:`~facilitator.roles.storage.StorageUnavailable`.
        """
        now, seconds = self._clock.time(), self._settings.ttl_seconds
        ends_at = now + seconds if valid_until is None else min(now + seconds, valid_until)
        this = payment.transaction_id
        lasts = self._held.get(this, 0.0) - now > seconds / 2
        if lasts and self._storage.is_reserved(this, now):
            return {}
        limit = self._settings.max_concurrent if seconds else 0
        held = self._reserve(
            payment,
            payer,
            ends_at,
            lambda wanted, now: self._storage.reserve(wanted, now, limit),
            is_settling=False,
        )
        if held is None:
            self._remember(this, ends_at)
            return {}
        self._forget(this)
        if isinstance(held, ReservedElsewhere) and held.is_settling:
            raise _settled_elsewhere(held, payer)
        if not seconds:
            return {}
        if not isinstance(held, ReservedElsewhere):
            return {"reserved": False}
        left = max(0, min(round(held.expires_at - now), seconds))
        return {"reserved": False, "heldFor": held.transaction_id, "heldSeconds": left}

    def holds(self, transaction_id: str) -> bool:
        """Return True if a verified payment holds its inputs by this process."""
        return self._held.get(transaction_id, 0.0) > self._clock.time()

    def hold_settling(self, payment: SchemePayment, payer: str) -> None:
        """Hold the inputs while the transaction may still land. Raises :class:`Refused`.

        The hold ends when that is decided, or long afterwards by its time: another process compares
        that with a clock which may be ahead of this one by hours.
        """
        storage = self._storage
        self._settle(payment, payer, lambda wanted, now: storage.reserve(wanted, now, sys.maxsize))

    def with_claim(self, payment: SchemePayment, payer: str) -> Callable[[Claim], bool] | None:
        """Return a function that changes the claim as a storage does, and holds the inputs at once.

        It raises :class:`Refused` as :meth:`hold_settling` does, with nothing changed. ``None`` if
        the storage cannot do both in one step.
        """
        if self._holds_with_claim is None:
            return None
        both = self._holds_with_claim.change_claim_and_hold

        def change(claim: Claim) -> bool:
            return self._settle(payment, payer, lambda wanted, now: both(claim, wanted, now))

        return change

    def _settle(
        self,
        payment: SchemePayment,
        payer: str,
        hold: Callable[[Reservation, float], ReservedElsewhere | T],
    ) -> T:
        """Return what ``hold`` returns for the settlement, if that is no refusal."""
        longest = payment.terms.max_timeout_seconds + GRACE_SECONDS + KEEP_SECONDS
        ends_at = self._clock.time() + longest
        held = self._reserve(payment, payer, ends_at, hold, is_settling=True)
        if isinstance(held, ReservedElsewhere):
            raise _settled_elsewhere(held, payer)
        self._forget(payment.transaction_id)
        return held

    def cancel(self, transaction_id: str) -> bool:
        """End the hold of a payment that was only verified; return True if there was one."""
        self._forget(transaction_id)
        return self._storage.cancel(transaction_id)

    def release(self, transaction_id: str) -> None:
        """Release the transaction's inputs: it is settled, or can no longer land."""
        self._forget(transaction_id)
        self._storage.release(transaction_id)

    def _reserve(
        self,
        payment: SchemePayment,
        payer: str,
        ends_at: float,
        hold: Callable[[Reservation, float], ReservedElsewhere | T],
        *,
        is_settling: bool,
    ) -> ReservedElsewhere | T:
        """Return what ``hold`` returns for the reservation at a time, once nothing old refuses it.

        A settlement's hold counts as long as its claim may succeed: the claim decides, not the time
        that another machine's clock has written.
        """
        now = self._clock.time()
        reservation = Reservation(
            transaction_id=payment.transaction_id,
            inputs=payment.inputs,
            payer=payer,
            pay_to=payment.terms.pay_to.hex(),
            expires_at=ends_at,
            is_settling=is_settling,
        )
        while True:
            held = hold(reservation, now)
            if not isinstance(held, ReservedElsewhere) or not held.is_settling:
                return held
            claim = self._storage.claim(held.transaction_id)
            if claim is not None and not claim.state.is_given_up:
                return held
            self._storage.release(held.transaction_id)

    def _remember(self, transaction_id: str, until: float) -> None:
        with self._lock:
            self._held.pop(transaction_id, None)
            self._held[transaction_id] = until
            if len(self._held) > MAX_REMEMBERED:
                del self._held[next(iter(self._held))]

    def _forget(self, transaction_id: str) -> None:
        with self._lock:
            self._held.pop(transaction_id, None)


def _settled_elsewhere(held: ReservedElsewhere, payer: str) -> Refused:
    return Refused(
        Reason.INPUT_NOT_AVAILABLE,
        f"{held.input} belongs to the payment {held.transaction_id}, which is being settled",
        payer,
    )
