"""The one source of wall-clock time, so that tests can set it and slots follow from it."""

import time
from typing import Protocol


class Clock(Protocol):
    """Tells the time, for whatever compares a slot, a deadline or a lease with "now"."""

    def time(self) -> float:
        """Seconds since the Unix epoch."""
        ...


class SystemClock:
    """The machine's own clock."""

    def time(self) -> float:
        """Seconds since the Unix epoch, as the operating system has them."""
        return time.time()
