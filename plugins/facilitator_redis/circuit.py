"""Keeps calls from waiting for a server that is known to be away."""

import threading
import time
from collections.abc import Callable

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 5.0


class Circuit:
    """Closed while calls work; open after one failed, when one now and then tries again.

    Pauses between tries double. For use by any number of threads.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Start closed. ``clock`` counts seconds."""
        self._clock = clock
        self._lock = threading.Lock()
        self._complaint: str | None = None
        self._pause = FIRST_PAUSE_SECONDS
        self._next_try = 0.0
        self._is_tried = False

    def complaint(self) -> str | None:
        """Why a call must not be made now; ``None`` when it may be."""
        with self._lock:
            if self._complaint is None:
                return None
            now = self._clock()
            if now < self._next_try:
                return self._complaint
            self._next_try = now + self._pause  # for the others, while this one tries
            self._is_tried = True
            return None

    def worked(self) -> None:
        """Close it after a call that got an answer."""
        if self._complaint is None:  # spares all the calls that work the lock
            return
        with self._lock:
            self._complaint = None
            self._pause = FIRST_PAUSE_SECONDS
            self._is_tried = False

    def failed(self, complaint: str) -> None:
        """Open it after a call that got none."""
        with self._lock:
            if self._is_tried:  # many calls can fail at once at first, which counts once
                self._pause = min(self._pause * 2, LONGEST_PAUSE_SECONDS)
            self._is_tried = False
            self._complaint = complaint
            self._next_try = self._clock() + self._pause
