"""Places to write to the storage: in a crowd, callers queue here."""

import threading
from types import TracebackType

from facilitator.pauses import pausing

PLACES = 32
"""Callers that write at once: a storage lets a write wait only so long before it calls itself too
busy."""


class WritePlaces:
    """A lock that :data:`PLACES` callers hold at once; a caller that waits for it pauses."""

    def __init__(self) -> None:
        """Begin with every place free."""
        self._free = threading.Semaphore(PLACES)

    def acquire(self, timeout: float | None = None) -> bool:
        """Return True once a place is taken, and False if none is free within ``timeout`` s."""
        if self._free.acquire(blocking=False):
            return True
        with pausing():
            return self._free.acquire(timeout=timeout)

    def release(self) -> None:
        """Free the place."""
        self._free.release()

    def __enter__(self) -> None:
        """Take a place."""
        self.acquire()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Free the place."""
        self.release()
