"""Inputs held for a payment from its verification until it is settled.

A second transaction over the same UTxO is then refused before a resource server works for it. A
reservation never blocks its own transaction.
"""

import sys
import threading

from facilitator.clock import Clock
from facilitator.exact.payment import Payment
from facilitator.exact.refused import Refused
from facilitator.roles.storage import Reservation, ReservedElsewhere, Storage
from facilitator.settings import ReservationSettings
from facilitator.settlement.retention import GRACE_SECONDS
from facilitator.x402.reasons import Reason

MAX_REMEMBERED = 10_000
"""Reservations that this process remembers to have made."""


class Reservations:
    """Holds inputs in the storage, as the settings say."""

    def __init__(self, storage: Storage, clock: Clock, settings: ReservationSettings) -> None:
        """Hold nothing at all when ``settings.ttl_seconds`` is 0."""
        self._storage = storage
        self._clock = clock
        self._settings = settings
        self._lock = threading.Lock()
        self._verified: dict[str, float] = {}
        """Unix time until which each payment's inputs are held; the oldest go first."""

    def hold_verified(self, payment: Payment, payer: str) -> None:
        """Hold the inputs of a payment that was found valid. Raises :class:`Refused`.

        A hold that lasts for more than half of the time is not renewed.
        """
        seconds = self._settings.ttl_seconds
        now = self._clock.time()
        if self._verified.get(payment.transaction_id, 0.0) - now > seconds / 2:
            return
        self._hold(payment, payer, seconds, self._settings.max_concurrent)
        with self._lock:
            self._verified[payment.transaction_id] = now + seconds
            if len(self._verified) > MAX_REMEMBERED:
                del self._verified[next(iter(self._verified))]

    def hold_settling(self, payment: Payment, payer: str) -> None:
        """Hold the inputs while the transaction may still land. Raises :class:`Refused`."""
        seconds = payment.terms.max_timeout_seconds + GRACE_SECONDS
        self._hold(payment, payer, seconds, sys.maxsize)

    def release(self, transaction_id: str) -> None:
        """Release the transaction's inputs: it is settled, or can no longer land."""
        with self._lock:
            self._verified.pop(transaction_id, None)
        self._storage.release(transaction_id)

    def _hold(self, payment: Payment, payer: str, seconds: int, limit: int) -> None:
        if self._settings.ttl_seconds == 0:
            return
        now = self._clock.time()
        reservation = Reservation(
            transaction_id=payment.transaction_id,
            inputs=frozenset(str(ref) for ref in payment.transaction.body.inputs),
            payer=payer,
            expires_at=now + seconds,
        )
        conflict = self._storage.reserve(reservation, now, limit)
        if isinstance(conflict, ReservedElsewhere):
            raise Refused(
                Reason.INPUT_NOT_AVAILABLE,
                f"input {conflict.input} is held for the payment {conflict.transaction_id} for "
                f"another {conflict.expires_at - now:.0f} seconds",
                payer,
            )
        if conflict is not None:
            raise Refused(
                Reason.INPUT_NOT_AVAILABLE,
                f"{payer} already has {conflict.held} verified payments that are not settled yet; "
                f"settle one or wait up to {self._settings.ttl_seconds} seconds",
                payer,
            )
