"""The payments that ``/verify`` has found valid: each of them gets to ``/settle``."""

import hashlib
import threading
from contextlib import suppress

from facilitator.clock import Clock
from facilitator.roles.storage import Storage, StorageUnavailable

CALLS = 2
"""Calls of ``/settle`` for each valid ``/verify``: the SDKs repeat one that is pending once."""

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
        self._taken: dict[str, int] = {}
        """Number of calls in which each has come; the oldest go first."""

    def add(self, transaction_id: str, seconds: float, *, is_held: bool) -> None:
        """Remember for so many seconds that ``/verify`` has found the payment valid.

        Unless it holds inputs, it is written down for other processes.
        """
        if not is_held and self._storage.is_shared:
            now = self._clock.time()
            with suppress(StorageUnavailable):
                self._storage.bind_key(_key(transaction_id), transaction_id, now + seconds, now)
        with self._lock:
            self._taken.pop(transaction_id, None)
            self._until.pop(transaction_id, None)
            self._until[transaction_id] = self._clock.time() + seconds
            if len(self._until) > MAX_REMEMBERED:
                del self._until[next(iter(self._until))]

    def take(self, transaction_id: str) -> bool:
        """Return True for a verified payment, for :data:`CALLS` calls after each valid verdict.

        Another process may have verified it: then it holds inputs or is written down, which shows
        it as often.
        Raises :class:`~facilitator.roles.storage.StorageUnavailable`.
        """
        now = self._clock.time()
        with self._lock:
            if self._taken.get(transaction_id, 0) >= CALLS:
                return False
            is_verified = self._until.get(transaction_id, 0.0) > now
        if not (is_verified or self._was_verified_elsewhere(transaction_id, now)):
            return False
        with self._lock:
            taken = self._taken.pop(transaction_id, 0)
            self._taken[transaction_id] = taken + 1
            if len(self._taken) > MAX_REMEMBERED:
                del self._taken[next(iter(self._taken))]
            return taken < CALLS

    def _was_verified_elsewhere(self, transaction_id: str, now: float) -> bool:
        return (
            self._storage.is_reserved(transaction_id, now)
            or self._storage.bound_to(_key(transaction_id), now) is not None
        )


def _key(transaction_id: str) -> str:
    return hashlib.sha256(f"verified {transaction_id}".encode()).hexdigest()
