"""The health checks of a network: its provider, and the follower of its blocks."""

import threading
import time

from facilitator.chain.follower import Follower
from facilitator.roles.chain import ChainProvider
from facilitator.roles.chain_errors import ChainUnavailable
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


def follower_check(follower: Follower, provider: HealthCheck) -> HealthCheck:
    """Return the provider's check, which fails as well while blocks are needed and not seen.

    Open settlements need them: what is submitted meanwhile is confirmed late, by questions.
    """

    def check() -> float | None:
        seconds = provider()
        follower.sight.check()
        if follower.has_ended:
            raise ChainUnavailable("the thread that follows the blocks has ended")
        return seconds

    return check
