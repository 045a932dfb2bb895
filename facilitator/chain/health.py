"""The health check of a network's provider."""

import threading
import time

from facilitator.roles.chain import ChainProvider
from facilitator.roles.health import HealthCheck

_TIP_CACHE_SECONDS = 5.0


def tip_check(chain: ChainProvider) -> HealthCheck:
    """Return a health check that asks for the tip, at most once in five seconds."""
    lock = threading.Lock()
    asked_at = float("-inf")
    seconds = 0.0

    def check() -> float:
        nonlocal asked_at, seconds
        with lock:
            if time.monotonic() - asked_at >= _TIP_CACHE_SECONDS:
                started = time.monotonic()
                chain.tip()
                asked_at = time.monotonic()
                seconds = asked_at - started
            return seconds

    return check
