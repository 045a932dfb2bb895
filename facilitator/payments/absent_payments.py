"""Payments that the chain just did not have, so that repeats of a refused one cost no question."""

import threading
import time
from collections.abc import Callable

ABSENT_SECONDS = 5.0
"""Seconds for which a payment counts as not on the chain after that was answered."""
MAX_ABSENT = 10_000
"""Ids kept in this process; the oldest go first."""


class AbsentPayments:
    """Ids of refused payments that are not on the chain. For use by many threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Know of none; ``clock`` gives seconds that never go back."""
        self._clock = clock
        self._lock = threading.Lock()
        self._until: dict[str, float] = {}

    def add(self, transaction_id: str) -> None:
        """Keep that the chain does not have the transaction now."""
        with self._lock:
            self._until.pop(transaction_id, None)  # so that the newest stand last
            self._until[transaction_id] = self._clock() + ABSENT_SECONDS
            while len(self._until) > MAX_ABSENT:
                del self._until[next(iter(self._until))]

    def has(self, transaction_id: str) -> bool:
        """Return True if the chain did not have the transaction some seconds ago."""
        until = self._until.get(transaction_id)
        return until is not None and self._clock() < until
