"""The storage in dictionaries, under one lock."""

import heapq
import threading
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import islice

from facilitator.plugin import Claim, Reservation, ReservedElsewhere, TooManyReservations

FORGOTTEN_AT_ONCE = 500


class _Deadlines:
    """The ends of records in order, so that no search goes through all of them."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, str]] = []

    def add(self, at: float, name: str) -> None:
        heapq.heappush(self._heap, (at, name))

    def passed(self, now: float) -> Iterator[str]:
        """Remove and yield the names whose time is over, in order."""
        while self._heap and self._heap[0][0] <= now:
            yield heapq.heappop(self._heap)[1]


class MemoryStorage:
    """A :class:`~facilitator.roles.storage.Storage` that lives as long as its process."""

    is_shared = False
    is_durable = False

    def __init__(self) -> None:
        """Start empty."""
        self._lock = threading.Lock()
        self._claims: dict[str, Claim] = {}
        self._reservations: dict[str, Reservation] = {}
        self._holders: dict[str, str] = {}
        self._verified: defaultdict[str, set[str]] = defaultdict(set)
        """By payer, the transactions that hold inputs as verified."""
        self._reservation_deadlines = _Deadlines()
        self._keys: dict[str, tuple[str, float]] = {}
        """Values, and the Unix times at which the bindings end."""
        self._key_deadlines = _Deadlines()

    def add_claim(self, claim: Claim) -> Claim:
        """Write the claim unless its transaction has one; return the one that is now stored."""
        with self._lock:
            return self._claims.setdefault(claim.transaction_id, claim)

    def claim(self, transaction_id: str) -> Claim | None:
        """Return the claim on the transaction, if there is one."""
        with self._lock:
            return self._claims.get(transaction_id)

    def change_claim(self, claim: Claim) -> bool:
        """Write the claim if it was made from the stored one; return True if it is stored now."""
        with self._lock:
            stored = self._claims.get(claim.transaction_id)
            made_from = (claim.version - 1, claim.follows)
            if stored is None or (stored.version, stored.nonce) != made_from:
                return stored == claim
            self._claims[claim.transaction_id] = claim
            return True

    def remove_claim(self, claim: Claim) -> bool:
        """Remove the claim if the stored one equals it; return True if it was removed."""
        with self._lock:
            if self._claims.get(claim.transaction_id) != claim:
                return False
            del self._claims[claim.transaction_id]
            return True

    def open_claims(self) -> Sequence[Claim]:
        """Return all claims that are not final, oldest first."""
        with self._lock:
            claims = [claim for claim in self._claims.values() if not claim.state.is_final]
        return sorted(claims, key=lambda claim: claim.created_at)

    def forget_claims(self, now: float) -> int:
        """Remove some final claims whose ``keep_until`` has passed; return their number."""
        with self._lock:
            due = (
                claim.transaction_id
                for claim in self._claims.values()
                if claim.state.is_final and claim.keep_until <= now
            )
            forgotten = list(islice(due, FORGOTTEN_AT_ONCE))
            for transaction_id in forgotten:
                del self._claims[transaction_id]
        return len(forgotten)

    def reserve(
        self, reservation: Reservation, now: float, limit: int
    ) -> ReservedElsewhere | TooManyReservations | None:
        """Hold the inputs for the transaction; return ``None`` on success, else the refusal."""
        with self._lock:
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
        with self._lock:
            self._drop_reservation(transaction_id)

    def cancel(self, transaction_id: str) -> bool:
        """Remove the transaction's reservation if it was only verified; return True if removed."""
        with self._lock:
            reservation = self._reservations.get(transaction_id)
            if reservation is None or reservation.is_settling:
                return False
            self._drop_reservation(transaction_id)
            return True

    def is_reserved(self, transaction_id: str, now: float) -> bool:
        """Return True if the transaction holds inputs."""
        with self._lock:
            self._drop_reservations(now)
            return transaction_id in self._reservations

    def bound_to(self, key: str, now: float) -> str | None:
        """Return the value that the key is bound to; ``None`` if it is bound to none."""
        with self._lock:
            value, expires_at = self._keys.get(key, (None, 0.0))
            return value if expires_at > now else None

    def bind_key(self, key: str, value: str, expires_at: float, now: float) -> str:
        """Bind the key to the value unless it is bound; return the value it is bound to."""
        with self._lock:
            for name in self._key_deadlines.passed(now):
                # A binding that was changed has got a later time since, or is gone.
                if name in self._keys and self._keys[name][1] <= now:
                    del self._keys[name]
            if key not in self._keys:
                self._bind(key, value, expires_at)
            return self._keys[key][0]

    def change_key(self, key: str, bound_to: str, value: str | None, expires_at: float) -> bool:
        """Bind a key that is bound to ``bound_to`` to another value, or to none."""
        with self._lock:
            bound, _ = self._keys.get(key, (None, 0.0))
            if bound != bound_to:
                return bound == value
            if value is None:
                del self._keys[key]
            else:
                self._bind(key, value, expires_at)
            return True

    def ping(self) -> None:
        """Return: memory is always there."""

    def close(self) -> None:
        """Do nothing: the records end with the process."""

    def _bind(self, key: str, value: str, expires_at: float) -> None:
        self._keys[key] = (value, expires_at)
        self._key_deadlines.add(expires_at, key)

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
        self._reservation_deadlines.add(reservation.expires_at, reservation.transaction_id)

    def _drop_reservations(self, now: float) -> None:
        for transaction_id in self._reservation_deadlines.passed(now):
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
