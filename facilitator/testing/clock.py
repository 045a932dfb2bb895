"""A clock that stands still until a test moves it."""

import threading


class ManualClock:
    """A :class:`~facilitator.clock.Clock` for tests; may be read and moved by many threads."""

    def __init__(self, start: float) -> None:
        """Set the clock to ``start`` Unix seconds."""
        self._now = start
        self._lock = threading.Lock()

    def time(self) -> float:
        """Return the seconds since the Unix epoch."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Move the clock on by ``seconds``. Raises :class:`ValueError` for a negative number."""
        if seconds < 0:
            raise ValueError("a clock cannot be moved back")
        with self._lock:
            self._now += seconds

    def set_back(self, seconds: float) -> None:
        """Set the clock back by ``seconds``, as on a machine whose clock was ahead."""
        with self._lock:
            self._now -= seconds
