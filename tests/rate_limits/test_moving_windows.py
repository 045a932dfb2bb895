"""The limiter against a plain account of what was allowed when."""

import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from limits.storage import MemoryStorage

from facilitator.rate_limits import MovingWindows, WindowRateLimiter
from facilitator.roles.rate_limit import RateDecision
from facilitator.settings import RateLimitSettings
from facilitator.testing.clock import ManualClock
from facilitator.testing.threads import together

MINUTE = 60
START = 5_000.0


def limiter(everything: int, sensitive: int, now: Callable[[], float]) -> WindowRateLimiter:
    limits = RateLimitSettings(global_per_minute=everything, sensitive_per_minute=sensitive)
    return WindowRateLimiter(MovingWindows(now), limits, now)


# Eighths of a second, so that sums are exact.
PAUSES = st.one_of(st.just(0), st.integers(0, 100), st.integers(8 * 55, 8 * 65)).map(
    lambda eighths: eighths / 8
)
REQUESTS = st.lists(st.tuples(PAUSES, st.sampled_from("abc"), st.booleans()), max_size=60)


class Account:
    """When each client's requests were allowed."""

    def __init__(self, everything: int, sensitive: int) -> None:
        self.limits = {False: everything, True: sensitive}
        self.allowed: list[tuple[float, str, bool]] = []

    def counted(self, client: str, now: float, *, sensitive: bool) -> list[float]:
        """The times in the minute up to now, oldest first."""
        return [
            time
            for time, who, what in self.allowed
            if who == client and (what or not sensitive) and time + MINUTE > now
        ]

    def rooms(self, client: str, now: float, *, sensitive: bool) -> dict[bool, int]:
        """What each limit that applies leaves."""
        return {
            each: self.limits[each] - len(self.counted(client, now, sensitive=each))
            for each in ([True, False] if sensitive else [False])
        }


@settings(deadline=None)
@given(REQUESTS, st.integers(1, 6), st.integers(1, 6))
def test_exactly_as_many_as_allowed_in_any_minute(
    requests: list[tuple[float, str, bool]], everything: int, sensitive_limit: int
) -> None:
    clock = ManualClock(START)
    hit = limiter(everything, sensitive_limit, clock.time).hit
    account = Account(everything, sensitive_limit)
    for pause, client, sensitive in requests:
        clock.advance(pause)
        now = clock.time()
        before = account.rooms(client, now, sensitive=sensitive)
        decision = hit(client, sensitive=sensitive)
        assert decision.allowed is (min(before.values()) > 0)
        if decision.allowed:
            account.allowed.append((now, client, sensitive))
        after = account.rooms(client, now, sensitive=sensitive)
        assert decision.remaining == min(after.values())
        told = [each for each, room in after.items() if room == decision.remaining]
        assert decision.limit in {account.limits[each] for each in told}
        check_reset(decision, account, client, now, told)
    check_every_window(account)


def check_reset(
    decision: RateDecision, account: Account, client: str, now: float, told: list[bool]
) -> None:
    """After so many seconds there is more room, and a whole second earlier there is not."""
    assert decision.reset_seconds >= 1

    def room(time: float) -> int:
        """Of the one that makes the client wait longest."""
        return min(account.rooms(client, time, sensitive=each)[each] for each in told)

    later = now + decision.reset_seconds
    assert room(later) > decision.remaining
    assert decision.reset_seconds == 1 or room(later - 1) == decision.remaining


def check_every_window(account: Account) -> None:
    """The fullest windows begin with an allowed request."""
    for start, client, _ in account.allowed:
        window = [
            what
            for time, who, what in account.allowed
            if who == client and start <= time < start + MINUTE
        ]
        assert len(window) <= account.limits[False]
        assert sum(window) <= account.limits[True]


def test_a_refused_request_does_not_count() -> None:
    clock = ManualClock(START)
    hit = limiter(10, 2, clock.time).hit
    assert [hit("a", sensitive=True).allowed for _ in range(9)] == [True] * 2 + [False] * 7
    assert [hit("a", sensitive=False).allowed for _ in range(9)] == [True] * 8 + [False]
    clock.advance(MINUTE)
    assert hit("a", sensitive=True).remaining == 1


def test_a_request_that_the_other_limit_refuses_does_not_count() -> None:
    clock = ManualClock(START)
    hit = limiter(3, 2, clock.time).hit
    for _ in range(3):
        hit("a", sensitive=False)
    clock.advance(MINUTE / 2)
    assert not any(hit("a", sensitive=True).allowed for _ in range(5))
    clock.advance(MINUTE / 2)
    assert [hit("a", sensitive=True).allowed for _ in range(3)] == [True, True, False]


def test_the_wait_is_that_of_the_limit_that_lasts_longest() -> None:
    clock = ManualClock(START)
    hit = limiter(2, 1, clock.time).hit
    hit("a", sensitive=False)
    clock.advance(20)
    assert hit("a", sensitive=True).remaining == 0
    refused = hit("a", sensitive=True)
    assert (refused.limit, refused.reset_seconds) == (1, 60)


def test_the_storage_itself_counts_no_more_than_the_limit() -> None:
    """Also when two threads have both seen room for the last one."""
    windows = MovingWindows(ManualClock(START).time)
    assert [windows.acquire_entry("a", 3, MINUTE) for _ in range(5)] == [True] * 3 + [False] * 2
    assert windows.acquire_entry("b", 3, MINUTE, amount=2)
    assert not windows.acquire_entry("b", 3, MINUTE, amount=2)
    assert windows.get_moving_window("b", 3, MINUTE) == (START, 2)


@pytest.fixture
def eager_threads() -> Iterator[None]:
    """Threads that take turns as often as they can."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


@pytest.mark.usefixtures("eager_threads")
@pytest.mark.parametrize("sensitive", [False, True])
def test_many_threads_get_no_more_than_one_would(sensitive: bool) -> None:
    hit = limiter(300, 100, ManualClock(START).time).hit

    def calls() -> int:
        return sum(hit("a", sensitive=sensitive).allowed for _ in range(100))

    allowed = sum(together([calls] * 8))
    assert allowed == (100 if sensitive else 300)


@pytest.mark.usefixtures("eager_threads")
def test_threads_of_several_clients_do_not_disturb_each_other() -> None:
    clock = ManualClock(START)
    hit = limiter(40, 40, clock.time).hit

    def calls(client: str) -> int:
        return sum(hit(client, sensitive=True).allowed for _ in range(50))

    assert together([partial(calls, str(client)) for client in range(8)]) == [40] * 8


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
