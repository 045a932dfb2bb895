"""A bounded number of slots for callers that wait, shared fairly between payments and clients."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

PER_PAYMENT = 8
"""Callers that wait for one payment at once: at most one of them receives the success."""
FREE_PER_CLIENT = 8
"""Slots that each client may take when few are free."""


class WaitingSlots:
    """Counts the slots that are taken. Safe to use from many threads."""

    def __init__(self, number: int) -> None:
        """Begin with ``number`` free slots."""
        self._lock = threading.Lock()
        self._number = number
        self._by_payment: Counter[str] = Counter()
        self._by_client: Counter[str] = Counter()
        self._taken = 0
        self._leaving = 0

    @property
    def number(self) -> int:
        """The number of slots, taken or free."""
        return self._number

    @property
    def taken(self) -> int:
        """The number of slots that are taken."""
        return self._taken

    def resize(self, number: int) -> None:
        """Have that many slots from now on; callers in those beyond it are asked to leave."""
        self._number = number

    @contextmanager
    def taken_by(self, payment: str, client: str) -> "Iterator[Slot | None]":
        """Take a slot without waiting for one, and give it back; yields ``None`` if none is free.

        A payment has at most :data:`PER_PAYMENT` slots, and never more than half of all. A client
        has no more than are free, so that there is room for others. This machine, which is the
        client ``""``, is limited by the payment alone.
        """
        slot = Slot(self) if self._take(payment, client) else None
        try:
            yield slot
        finally:
            if slot is not None:
                self._give_back(payment, client, slot)

    def is_one_too_many(self) -> bool:
        """Return True if there are fewer slots than taken ones; the caller must then leave its own.

        Of several callers only as many get True as there are slots too many.
        """
        with self._lock:
            if self._taken - self._leaving <= self._number:
                return False
            self._leaving += 1
            return True

    def _take(self, payment: str, client: str) -> bool:
        with self._lock:
            free = self._number - self._taken
            if free <= 0 or self._by_payment[payment] >= min(PER_PAYMENT, -(-self._number // 2)):
                return False
            if client and self._by_client[client] >= max(FREE_PER_CLIENT, free):
                return False
            self._taken += 1
            self._by_payment[payment] += 1
            self._by_client[client] += 1
            return True

    def _give_back(self, payment: str, client: str, slot: "Slot") -> None:
        with self._lock:
            self._taken -= 1
            self._leaving -= slot.was_revoked
            for counter, name in ((self._by_payment, payment), (self._by_client, client)):
                counter[name] -= 1
                if not counter[name]:
                    del counter[name]


class Slot:
    """The slot of one caller, until it is given back or revoked."""

    def __init__(self, slots: WaitingSlots) -> None:
        """Belong to ``slots``."""
        self._slots = slots
        self.was_revoked = False

    def is_revoked(self) -> bool:
        """Return True if the caller must not wait on, as there are fewer slots than before."""
        self.was_revoked = self.was_revoked or self._slots.is_one_too_many()
        return self.was_revoked
