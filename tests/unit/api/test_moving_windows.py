"""The limiter that counts in memory."""

import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from functools import partial

import pytest
from limits.storage import MemoryStorage

from facilitator.api.rate_limiters import MovingWindows, WindowRateLimiter
from facilitator.settings import RateLimitSettings
from facilitator.testing.clock import ManualClock
from facilitator.testing.rate_limiter import MINUTE, START, Make, RateLimiterContract
from facilitator.testing.threads import together


def limiter(everything: int, sensitive: int, now: Callable[[], float]) -> WindowRateLimiter:
    limits = RateLimitSettings(global_per_minute=everything, sensitive_per_minute=sensitive)
    return WindowRateLimiter(MovingWindows(now), limits, now)


@pytest.fixture
def eager_threads() -> Iterator[None]:
    """Threads that take turns as often as they can."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


@pytest.mark.usefixtures("eager_threads")
class TestInMemory(RateLimiterContract):
    @pytest.fixture
    def make(self) -> Make:
        return lambda limits, clock: WindowRateLimiter(
            MovingWindows(clock.time), limits, clock.time
        )


def test_the_storage_itself_counts_no_more_than_the_limit() -> None:
    """Also when two threads have both seen room for the last one."""
    windows = MovingWindows(ManualClock(START).time)
    assert [windows.acquire_entry("a", 3, MINUTE) for _ in range(5)] == [True] * 3 + [False] * 2
    assert windows.acquire_entry("b", 3, MINUTE, amount=2)
    assert not windows.acquire_entry("b", 3, MINUTE, amount=2)
    assert windows.get_moving_window("b", 3, MINUTE) == (START, 2)


@pytest.mark.usefixtures("eager_threads")
def test_threads_may_come_while_others_are_forgotten() -> None:
    clock = ManualClock(START)
    hit = limiter(1, 1, clock.time).hit

    def calls(thread: int) -> int:
        allowed = 0
        for number in range(300):
            clock.advance(10)
            allowed += hit(f"{thread} {number}", sensitive=True).allowed
        return allowed

    assert together([partial(calls, thread) for thread in range(8)]) == [300] * 8


def test_limiters_over_one_storage_share_its_counts() -> None:
    """Of ``limits`` itself, by the real clock."""
    storage, limits = MemoryStorage(), RateLimitSettings(sensitive_per_minute=3)
    one, other = (WindowRateLimiter(storage, limits, time.time) for _ in range(2))
    decisions = [each.hit("a", sensitive=True) for each in (one, other) * 2]
    assert [(each.allowed, each.remaining) for each in decisions] == [
        (True, 2),
        (True, 1),
        (True, 0),
        (False, 0),
    ]
    assert all(each.reset_seconds <= MINUTE for each in decisions)


def test_clients_that_stay_away_are_forgotten() -> None:
    clock = ManualClock(START)
    hit = limiter(100, 20, clock.time).hit
    hit("a regular", sensitive=True)
    tracemalloc.start()
    try:
        for number in range(2_000):
            clock.advance(1 / 64)
            hit(f"client {number}", sensitive=True)
        remembered, _ = tracemalloc.get_traced_memory()
        clock.advance(MINUTE)
        hit("a regular", sensitive=True)
        left, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert remembered > 1_000_000
    assert left < remembered / 10
