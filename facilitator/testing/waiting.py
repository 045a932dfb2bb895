"""Waiting for what another thread brings about."""

import time
from collections.abc import Callable

DEADLINE_SECONDS = 90.0


def eventually(holds: Callable[[], object]) -> None:
    """Return once it holds; fail when it does not in good time."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, "it never came about"
        time.sleep(0.005)
