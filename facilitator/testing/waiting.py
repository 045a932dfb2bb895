"""Waiting for what another thread brings about."""

import time
from collections.abc import Callable

DEADLINE_SECONDS = 90.0
_LONGEST_PAUSE = 0.05
"""Seconds between two looks: who looks more often takes the time from those it waits for."""


def eventually(holds: Callable[[], object]) -> None:
    """Return once it holds; fail when it does not in good time."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    pause = 0.005
    while not holds():
        assert time.monotonic() < deadline, "it never came about"
        time.sleep(pause)
        pause = min(1.25 * pause, _LONGEST_PAUSE)
