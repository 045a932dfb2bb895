"""Clocks for tests: one that stands still until it is moved, and a machine's that is wrong."""

import threading
import time
from collections.abc import Callable

from facilitator.clock import SystemClock

_machine = time.time


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


def skew_system_clock(ahead: Callable[[], float]) -> None:
    """Have the system's clock be wrong in this process, by as many seconds as ``ahead`` returns."""

    def skewed() -> float:
        return _machine() + ahead()

    for owner, name, value in (
        (time, "time", skewed),
        (SystemClock, "time", staticmethod(skewed)),
    ):
        setattr(owner, name, value)
