"""A clock that stands still until it is told to go on."""

import threading


class ManualClock:
    """A :class:`~facilitator.clock.Clock` for tests; may be read and moved by many threads."""

    def __init__(self, start: float) -> None:
        """Stand at ``start`` Unix seconds."""
        self._now = start
        self._lock = threading.Lock()

    def time(self) -> float:
        """Seconds since the Unix epoch."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Move on by ``seconds``. Raises :class:`ValueError` when they are negative."""
        if seconds < 0:
            raise ValueError("a clock cannot be moved back")
        with self._lock:
            self._now += seconds
