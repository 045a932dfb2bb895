"""What every rate limiter must do, held to a plain account of what was allowed when."""

from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Protocol

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facilitator.roles.rate_limit import RateDecision, RateLimiter
from facilitator.settings import RateLimitSettings
from facilitator.testing.clock import ManualClock
from facilitator.testing.threads import together

MINUTE = 60
START = 5_000.0

# Eighths of a second, so that sums are exact.
PAUSES = st.one_of(st.just(0), st.integers(0, 100), st.integers(8 * 55, 8 * 65)).map(
    lambda eighths: eighths / 8
)
REQUESTS = st.lists(st.tuples(PAUSES, st.sampled_from("abc"), st.booleans()), max_size=60)


class Make(Protocol):
    """Makes a limiter whose time the clock tells, over counts that are its own."""

    def __call__(self, limits: RateLimitSettings, clock: ManualClock) -> RateLimiter: ...


class Account:
    """When each client's requests were allowed."""

    def __init__(self, limits: RateLimitSettings) -> None:
        self.limits = {False: limits.global_per_minute, True: limits.sensitive_per_minute}
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

    def check_reset(
        self, decision: RateDecision, client: str, now: float, told: list[bool]
    ) -> None:
        """After so many seconds there is more room, and a whole second earlier there is not."""
        assert decision.reset_seconds >= 1

        def room(time: float) -> int:
            """Of the one that makes the client wait longest."""
            return min(self.rooms(client, time, sensitive=each)[each] for each in told)

        later = now + decision.reset_seconds
        assert room(later) > decision.remaining
        assert decision.reset_seconds == 1 or room(later - 1) == decision.remaining

    def check_every_window(self) -> None:
        """The fullest windows begin with an allowed request."""
        for start, client, _ in self.allowed:
            window = [
                what
                for time, who, what in self.allowed
                if who == client and start <= time < start + MINUTE
            ]
            assert len(window) <= self.limits[False]
            assert sum(window) <= self.limits[True]


class RateLimiterContract:
    """A subclass defines the fixture ``make``, and how many examples are worth their time."""

    EXAMPLES = 100

    @pytest.fixture
    def make(self) -> Make:
        raise NotImplementedError("define the fixture make")

    def test_exactly_as_many_as_allowed_in_any_minute(self, make: Make) -> None:
        numbers = count()

        @settings(max_examples=self.EXAMPLES)
        @given(REQUESTS, st.integers(1, 6), st.integers(1, 6))
        def follow(
            requests: list[tuple[float, str, bool]], everything: int, sensitive_limit: int
        ) -> None:
            limits = RateLimitSettings(
                global_per_minute=everything, sensitive_per_minute=sensitive_limit
            )
            example, clock, account = next(numbers), ManualClock(START), Account(limits)
            hit = make(limits, clock).hit
            for pause, name, sensitive in requests:
                clock.advance(pause)
                now, client = clock.time(), f"{example} {name}"
                before = account.rooms(client, now, sensitive=sensitive)
                decision = hit(client, sensitive=sensitive)
                assert decision.allowed is (min(before.values()) > 0)
                if decision.allowed:
                    account.allowed.append((now, client, sensitive))
                after = account.rooms(client, now, sensitive=sensitive)
                assert decision.remaining == min(after.values())
                told = [each for each, room in after.items() if room == decision.remaining]
                assert decision.limit in {account.limits[each] for each in told}
                account.check_reset(decision, client, now, told)
            account.check_every_window()

        follow()

    def test_keys_have_limits_of_their_own(self, make: Make) -> None:
        limits = RateLimitSettings(
            global_per_minute=3,
            sensitive_per_minute=1,
            key_global_per_minute=5,
            key_sensitive_per_minute=4,
        )
        hit = make(limits, ManualClock(START)).hit
        assert allowed(hit, 9, "key:shop") == allowed(hit, 9, "key:kiosk") == 4
        assert allowed(hit, 9, "203.0.113.7") == 1
        refused = hit("key:shop", sensitive=True)
        assert (refused.limit, refused.name) == (4, "sensitive")
        assert hit("key:shop", sensitive=False).limit == 5
        assert hit("203.0.113.7", sensitive=False).limit == 3

    def test_a_refused_request_does_not_count(self, make: Make) -> None:
        clock = ManualClock(START)
        hit = make(RateLimitSettings(global_per_minute=10, sensitive_per_minute=2), clock).hit
        assert [hit("a", sensitive=True).allowed for _ in range(9)] == [True] * 2 + [False] * 7
        assert [hit("a", sensitive=False).allowed for _ in range(9)] == [True] * 8 + [False]
        clock.advance(MINUTE)
        assert hit("a", sensitive=True).remaining == 1

    def test_a_request_that_the_other_limit_refuses_does_not_count(self, make: Make) -> None:
        clock = ManualClock(START)
        hit = make(RateLimitSettings(global_per_minute=3, sensitive_per_minute=2), clock).hit
        for _ in range(3):
            hit("a", sensitive=False)
        clock.advance(MINUTE / 2)
        assert not any(hit("a", sensitive=True).allowed for _ in range(5))
        clock.advance(MINUTE / 2)
        assert [hit("a", sensitive=True).allowed for _ in range(3)] == [True, True, False]

    def test_the_wait_is_that_of_the_limit_that_lasts_longest(self, make: Make) -> None:
        clock = ManualClock(START)
        hit = make(RateLimitSettings(global_per_minute=2, sensitive_per_minute=1), clock).hit
        hit("a", sensitive=False)
        clock.advance(20)
        assert hit("a", sensitive=True).remaining == 0
        refused = hit("a", sensitive=True)
        assert (refused.limit, refused.reset_seconds) == (1, 60)

    def test_clients_are_apart(self, make: Make) -> None:
        limits = RateLimitSettings(
            global_per_minute=1,
            sensitive_per_minute=1,
            key_global_per_minute=1,
            key_sensitive_per_minute=1,
        )
        hit = make(limits, ManualClock(START)).hit
        for client in ("203.0.113.7", "key:shop", "shop", "2001:db8::/64", "sensitive:a", "ä {x}"):
            told = [hit(client, sensitive=True).allowed for _ in range(2)]
            assert told == [True, False], client

    @pytest.mark.parametrize("sensitive", [False, True])
    def test_many_threads_get_no_more_than_one_would(self, make: Make, sensitive: bool) -> None:
        limits = RateLimitSettings(global_per_minute=300, sensitive_per_minute=100)
        hit = make(limits, ManualClock(START)).hit

        def calls() -> int:
            return sum(hit("a", sensitive=sensitive).allowed for _ in range(100))

        allowed = sum(together([calls] * 8))
        assert allowed == (100 if sensitive else 300)

    def test_threads_of_several_clients_do_not_disturb_each_other(self, make: Make) -> None:
        limits = RateLimitSettings(global_per_minute=40, sensitive_per_minute=40)
        hit = make(limits, ManualClock(START)).hit

        def calls(client: str) -> int:
            return sum(hit(client, sensitive=True).allowed for _ in range(50))

        assert together([partial(calls, str(client)) for client in range(8)]) == [40] * 8


def allowed(hit: Callable[..., RateDecision], times: int, client: str = "a") -> int:
    """How many of so many sensitive requests are."""
    return sum(hit(client, sensitive=True).allowed for _ in range(times))
