"""The storage in dictionaries, under one lock."""

import heapq
import threading
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence

from facilitator.plugin import Claim, Reservation, ReservedElsewhere, TooManyReservations


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
        self._by_payer: defaultdict[str, set[str]] = defaultdict(set)
        self._reservation_deadlines = _Deadlines()
        self._fingerprints: dict[str, str] = {}
        self._key_deadlines = _Deadlines()

    def add_claim(self, claim: Claim) -> Claim:
        """Write the claim unless its transaction has one; return the one that is now there."""
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
        """Remove final claims whose ``keep_until`` has passed; return their number."""
        with self._lock:
            forgotten = [
                claim.transaction_id
                for claim in self._claims.values()
                if claim.state.is_final and claim.keep_until <= now
            ]
            for transaction_id in forgotten:
                del self._claims[transaction_id]
        return len(forgotten)

    def reserve(
        self, reservation: Reservation, now: float, limit: int
    ) -> ReservedElsewhere | TooManyReservations | None:
        """Hold the inputs for the transaction; ``None`` on success."""
        with self._lock:
            self._drop_reservations(now)
            elsewhere = self._held(reservation.inputs, reservation.transaction_id, now)
            if elsewhere:
                return elsewhere
            others = self._by_payer.get(reservation.payer, set()) - {reservation.transaction_id}
            if (held := len(others)) >= limit:
                return TooManyReservations(held)
            self._drop_reservation(reservation.transaction_id)
            self._hold(reservation)
        return None

    def release(self, transaction_id: str) -> None:
        """Release the transaction's reservation, if it has one."""
        with self._lock:
            self._drop_reservation(transaction_id)

    def bind_key(self, key: str, fingerprint: str, expires_at: float, now: float) -> str:
        """Bind the key to the request unless it is bound; return the bound fingerprint."""
        with self._lock:
            for name in self._key_deadlines.passed(now):
                del self._fingerprints[name]
            if key not in self._fingerprints:
                self._fingerprints[key] = fingerprint
                self._key_deadlines.add(expires_at, key)
            return self._fingerprints[key]

    def ping(self) -> None:
        """Return: memory is always there."""

    def close(self) -> None:
        """Do nothing: the records end with the process."""

    def _held(
        self, inputs: Collection[str], transaction_id: str, now: float
    ) -> ReservedElsewhere | None:
        for name in inputs:
            holder = self._holders.get(name, transaction_id)
            if holder != transaction_id and self._reservations[holder].expires_at > now:
                return ReservedElsewhere(name, holder, self._reservations[holder].expires_at)
        return None

    def _hold(self, reservation: Reservation) -> None:
        self._reservations[reservation.transaction_id] = reservation
        self._holders.update(dict.fromkeys(reservation.inputs, reservation.transaction_id))
        self._by_payer[reservation.payer].add(reservation.transaction_id)
        self._reservation_deadlines.add(reservation.expires_at, reservation.transaction_id)

    def _drop_reservations(self, now: float) -> None:
        for transaction_id in self._reservation_deadlines.passed(now):
            reservation = self._reservations.get(transaction_id)
            # A replaced reservation may have a later end by now.
            if reservation and reservation.expires_at <= now:
                self._drop_reservation(transaction_id)

    def _drop_reservation(self, transaction_id: str) -> None:
        reservation = self._reservations.pop(transaction_id, None)
        if reservation is None:
            return
        for name in reservation.inputs:
            del self._holders[name]
        self._by_payer[reservation.payer].discard(transaction_id)
        if not self._by_payer[reservation.payer]:
            del self._by_payer[reservation.payer]
