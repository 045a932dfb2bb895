"""The one source of wall-clock time, which tests can set and slots follow from."""

import time
from typing import Protocol


class Clock(Protocol):
    """A source of the current time, to compare with slots, deadlines and leases."""

    def time(self) -> float:
        """Return the seconds since the Unix epoch."""
        ...


class SystemClock:
    """The machine's own clock, which the operating system sets."""

    time = staticmethod(time.time)
    """``time()`` returns the seconds since the Unix epoch, by the operating system."""
