"""A circuit breaker: no call waits for a server that is known to be away."""

import threading
import time
from collections.abc import Callable
from typing import NamedTuple

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 5.0


class Complaint(NamedTuple):
    """The reason why a server does not serve, as ``StorageUnavailable`` takes it."""

    public: str
    """The sentence for callers, who learn nothing of the server."""
    detail: str
    """The sentence for the operator: which server, what it says, what to do."""


class Circuit:
    """A circuit that is closed while calls of a server work, and open after a failure.

    While it is open, single calls try again after pauses that double. For use by many threads.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Start closed; ``clock`` returns seconds."""
        self._clock = clock
        self._lock = threading.Lock()
        self._complaint: Complaint | None = None
        self._pause = FIRST_PAUSE_SECONDS
        self._next_try = 0.0
        self._is_tried = False

    def complaint(self) -> Complaint | None:
        """Return the reason why no call may be made now; ``None`` if one may."""
        with self._lock:
            if self._complaint is None:
                return None
            now = self._clock()
            if now < self._next_try:
                return self._complaint
            self._next_try = now + self._pause  # for other threads, while this one tries
            self._is_tried = True
            return None

    def worked(self) -> None:
        """Close the circuit after a call with an answer."""
        if self._complaint is None:  # spares successful calls the lock
            return
        with self._lock:
            self._complaint = None
            self._pause = FIRST_PAUSE_SECONDS
            self._is_tried = False

    def failed(self, complaint: Complaint) -> None:
        """Open the circuit after a call without an answer."""
        with self._lock:
            if self._is_tried:  # many calls may fail together at first, which counts as one
                self._pause = min(self._pause * 2, LONGEST_PAUSE_SECONDS)
            self._is_tried = False
            self._complaint = complaint
            self._next_try = self._clock() + self._pause
