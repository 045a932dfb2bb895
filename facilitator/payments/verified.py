"""The payments that ``/verify`` has found valid: each of them gets to ``/settle`` once."""

import threading

from facilitator.clock import Clock
from facilitator.roles.storage import Storage

MAX_REMEMBERED = 10_000
"""Payments that this process remembers."""


class VerifiedPayments:
    """Remembers them in this process. Safe to use from many threads."""

    def __init__(self, storage: Storage, clock: Clock) -> None:
        """Ask the storage about payments that another process has verified."""
        self._storage = storage
        self._clock = clock
        self._lock = threading.Lock()
        self._until: dict[str, float] = {}
        """Unix time until which each payment may come to ``/settle``; the oldest go first."""
        self._taken: dict[str, None] = {}
        """Payments that have come; the oldest go first."""

    def add(self, transaction_id: str, seconds: float) -> None:
        """Remember for so many seconds that ``/verify`` has found the payment valid."""
        with self._lock:
            self._taken.pop(transaction_id, None)
            self._until.pop(transaction_id, None)
            self._until[transaction_id] = self._clock.time() + seconds
            if len(self._until) > MAX_REMEMBERED:
                del self._until[next(iter(self._until))]

    def take(self, transaction_id: str) -> bool:
        """Return True for a verified payment, once for each time that it was found valid.

        Another process may have verified it: then it holds inputs, which shows it once, too.
        Raises :class:`~facilitator.roles.storage.StorageUnavailable`.
        """
        now = self._clock.time()
        with self._lock:
            if self._until.pop(transaction_id, 0.0) > now:
                self._note_taken(transaction_id)
                return True
            if transaction_id in self._taken:
                return False
        is_reserved = self._storage.is_reserved(transaction_id, now)
        with self._lock:
            is_first = transaction_id not in self._taken
            if is_reserved and is_first:
                self._note_taken(transaction_id)
            return is_reserved and is_first

    def _note_taken(self, transaction_id: str) -> None:
        self._taken[transaction_id] = None
        if len(self._taken) > MAX_REMEMBERED:
            del self._taken[next(iter(self._taken))]
