"""Reservations of inputs in memory: for storages whose reservations one process alone sees."""

import heapq
import threading
from collections import defaultdict
from collections.abc import Iterator, Sequence

from facilitator.roles.storage import Reservation, ReservedElsewhere, TooManyReservations


class Deadlines:
    """The ends of records in order, so that no search goes through all of them."""

    def __init__(self) -> None:
        """Start empty."""
        self._heap: list[tuple[float, str]] = []

    def add(self, at: float, name: str) -> None:
        """Note that the record of this name ends then (Unix seconds)."""
        heapq.heappush(self._heap, (at, name))

    def passed(self, now: float) -> Iterator[str]:
        """Remove and yield the names whose time is over, in order."""
        while self._heap and self._heap[0][0] <= now:
            yield heapq.heappop(self._heap)[1]


class HeldInputs:
    """The part of :class:`~facilitator.roles.storage.Storage` that holds inputs."""

    def __init__(self) -> None:
        """Hold nothing."""
        self._holding = threading.Lock()
        self._reservations: dict[str, Reservation] = {}
        self._holders: dict[str, str] = {}
        self._verified: defaultdict[str, set[str]] = defaultdict(set)
        """By payer, the transactions that hold inputs as verified."""
        self._ends = Deadlines()

    def reserve(
        self, reservation: Reservation, now: float, limit: int
    ) -> ReservedElsewhere | TooManyReservations | None:
        """Hold the inputs for the transaction; return ``None`` on success, else the refusal."""
        with self._holding:
            self._drop_reservations(now)
            own = self._reservations.get(reservation.transaction_id)
            if own is not None and own.is_settling and not reservation.is_settling:
                return None
            rivals = self._rivals(reservation)
            if refusal := _refusal(reservation, rivals):
                return refusal
            ended = {reservation.transaction_id, *(rival.transaction_id for _, rival in rivals)}
            held = len(self._verified.get(reservation.payer, set()) - ended)
            if not reservation.is_settling and held >= limit:
                return TooManyReservations(held)
            for transaction_id in ended:
                self._drop_reservation(transaction_id)
            self._hold(reservation)
        return None

    def release(self, transaction_id: str) -> None:
        """Remove the transaction's reservation, if it has one."""
        with self._holding:
            self._drop_reservation(transaction_id)

    def cancel(self, transaction_id: str) -> bool:
        """Remove the transaction's reservation if it was only verified; return True if removed."""
        with self._holding:
            reservation = self._reservations.get(transaction_id)
            if reservation is None or reservation.is_settling:
                return False
            self._drop_reservation(transaction_id)
            return True

    def is_reserved(self, transaction_id: str, now: float) -> bool:
        """Return True if the transaction holds inputs."""
        with self._holding:
            self._drop_reservations(now)
            return transaction_id in self._reservations

    def _rivals(self, reservation: Reservation) -> list[tuple[str, Reservation]]:
        """Return the inputs that other transactions hold, each with what holds it."""
        holders = [(name, self._holders.get(name)) for name in reservation.inputs]
        return [
            (name, self._reservations[holder])
            for name, holder in holders
            if holder is not None and holder != reservation.transaction_id
        ]

    def _hold(self, reservation: Reservation) -> None:
        self._reservations[reservation.transaction_id] = reservation
        self._holders.update(dict.fromkeys(reservation.inputs, reservation.transaction_id))
        if not reservation.is_settling:
            self._verified[reservation.payer].add(reservation.transaction_id)
        self._ends.add(reservation.expires_at, reservation.transaction_id)

    def _drop_reservations(self, now: float) -> None:
        for transaction_id in self._ends.passed(now):
            reservation = self._reservations.get(transaction_id)
            # A reservation that was replaced has got a later time since.
            if reservation and reservation.expires_at <= now:
                self._drop_reservation(transaction_id)

    def _drop_reservation(self, transaction_id: str) -> None:
        reservation = self._reservations.pop(transaction_id, None)
        if reservation is None:
            return
        for name in reservation.inputs:
            del self._holders[name]
        if transaction_id in self._verified.get(reservation.payer, ()):
            self._verified[reservation.payer].remove(transaction_id)
            if not self._verified[reservation.payer]:
                del self._verified[reservation.payer]


def _refusal(
    wanted: Reservation, rivals: Sequence[tuple[str, Reservation]]
) -> ReservedElsewhere | None:
    """Return what refuses the reservation among the holders of its inputs, settlements first."""
    for name, rival in sorted(rivals, key=lambda each: not each[1].is_settling):
        if rival.is_settling or not (
            wanted.is_settling or (rival.payer, rival.pay_to) == (wanted.payer, wanted.pay_to)
        ):
            return ReservedElsewhere(
                name, rival.transaction_id, rival.expires_at, rival.is_settling
            )
    return None
