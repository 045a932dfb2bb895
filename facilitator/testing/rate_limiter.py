"""Contract tests that every rate limiter must pass, held to an account of what was allowed when.

Subclass :class:`RateLimiterContract` in a test module, and give it the fixture ``make``, a function
that makes a limiter with these limits, whose time is that of the clock, over counts of its own::

    class TestMyLimiter(RateLimiterContract):
        @pytest.fixture
        def make(self) -> Make:
            return lambda limits, clock: MyLimiter(limits, clock)

The fixture ``cut`` is a function that cuts the limiter's back end, if it has one.
"""

from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Protocol

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from facilitator.roles.rate_limit import (
    ChangesLimits,
    ClientLimits,
    Limits,
    RateDecision,
    RateLimiter,
    TakesLimits,
)
from facilitator.roles.storage import StorageUnavailable
from facilitator.settings import RateLimitSettings
from facilitator.testing.clock import ManualClock
from facilitator.testing.races import racetrack, rounds
from facilitator.testing.start import check_as_at_start
from facilitator.testing.threads import together

MINUTE = 60
START = 5_000.0
THREADS = 8

# Eighths of a second, so that sums are exact.
PAUSES = st.one_of(st.just(0), st.integers(0, 100), st.integers(8 * 55, 8 * 65)).map(
    lambda eighths: eighths / 8
)
REQUESTS = st.lists(st.tuples(PAUSES, st.sampled_from("abc"), st.booleans()), max_size=60)


class Make(Protocol):
    """A function that makes limiters."""

    def __call__(self, limits: RateLimitSettings, clock: ManualClock) -> RateLimiter:
        """Return a limiter that goes by the clock, over counts that are its own."""
        ...


class Account:
    """The times at which each client's requests were allowed."""

    def __init__(self, limits: RateLimitSettings) -> None:
        """Begin without requests."""
        self.limits = {False: limits.global_per_minute, True: limits.sensitive_per_minute}
        self.allowed: list[tuple[float, str, bool]] = []

    def counted(self, client: str, now: float, *, sensitive: bool) -> list[float]:
        """Return the times in the minute up to now, oldest first."""
        return [
            time
            for time, who, what in self.allowed
            if who == client and (what or not sensitive) and time + MINUTE > now
        ]

    def rooms(self, client: str, now: float, *, sensitive: bool) -> dict[bool, int]:
        """Return the room that each limit leaves that applies."""
        return {
            each: self.limits[each] - len(self.counted(client, now, sensitive=each))
            for each in ([True, False] if sensitive else [False])
        }

    def check_reset(
        self, decision: RateDecision, client: str, now: float, shown: list[bool]
    ) -> None:
        """Check that there is more room after so many seconds, and not a second earlier."""
        assert decision.reset_seconds >= 1

        def room(time: float) -> int:
            """Return that of the limit that makes the client wait longest."""
            return min(self.rooms(client, time, sensitive=each)[each] for each in shown)

        later = now + decision.reset_seconds
        assert room(later) > decision.remaining
        assert decision.reset_seconds == 1 or room(later - 1) == decision.remaining

    def check_every_window(self) -> None:
        """Check the fullest windows, which begin with an allowed request."""
        for start, client, _ in self.allowed:
            window = [
                what
                for time, who, what in self.allowed
                if who == client and start <= time < start + MINUTE
            ]
            assert len(window) <= self.limits[False]
            assert sum(window) <= self.limits[True]


class RateLimiterContract:
    """All promises of :class:`~facilitator.roles.rate_limit.RateLimiter`; needs ``make``."""

    EXAMPLES = 100
    """Sequences of requests that are tried; fewer for a limiter that asks a server."""

    @pytest.fixture
    def make(self) -> Make:
        """Return a function that makes limiters; a subclass defines it."""
        raise NotImplementedError("define the fixture make")

    def test_exactly_as_many_as_allowed_in_any_minute(self, make: Make) -> None:
        """No minute has more, wherever it begins, and none is refused without need."""
        numbers = count()

        @settings(
            max_examples=self.EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck)
        )
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
                shown = [each for each, room in after.items() if room == decision.remaining]
                assert decision.limit in {account.limits[each] for each in shown}
                account.check_reset(decision, client, now, shown)
            account.check_every_window()

        follow()

    def test_keys_have_limits_of_their_own(self, make: Make) -> None:
        """An API key is a client with the limits of keys."""
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

    def test_a_client_may_have_limits_of_its_own(self, make: Make) -> None:
        """They hold in place of those of the settings, for this client alone."""
        limiter = make(_limits(9, 2), ManualClock(START))
        if not isinstance(limiter, TakesLimits):
            pytest.skip("the limiter takes no limits of a client's own")

        def within(client: str) -> list[bool]:
            limits, hit = Limits(3, 3), limiter.hit_within
            return [hit(client, limits, sensitive=n != 0).allowed for n in range(5)]

        assert within("key:shop") == within("key:kiosk") == [True] * 3 + [False] * 2
        assert limiter.hit_within("key:shop", Limits(3, 3), sensitive=True).limit == 3
        assert allowed(limiter.hit, 9, "one") == 2

    def test_a_refused_request_does_not_count(self, make: Make) -> None:
        """A client that goes on asking is let in again in time."""
        clock = ManualClock(START)
        hit = make(RateLimitSettings(global_per_minute=10, sensitive_per_minute=2), clock).hit
        assert [hit("a", sensitive=True).allowed for _ in range(9)] == [True] * 2 + [False] * 7
        assert [hit("a", sensitive=False).allowed for _ in range(9)] == [True] * 8 + [False]
        clock.advance(MINUTE)
        assert hit("a", sensitive=True).remaining == 1

    def test_a_request_that_the_other_limit_refuses_does_not_count(self, make: Make) -> None:
        """Both limits count it, or none does."""
        clock = ManualClock(START)
        hit = make(RateLimitSettings(global_per_minute=3, sensitive_per_minute=2), clock).hit
        for _ in range(3):
            hit("a", sensitive=False)
        clock.advance(MINUTE / 2)
        assert not any(hit("a", sensitive=True).allowed for _ in range(5))
        clock.advance(MINUTE / 2)
        assert [hit("a", sensitive=True).allowed for _ in range(3)] == [True, True, False]

    def test_the_wait_is_that_of_the_limit_that_lasts_longest(self, make: Make) -> None:
        """Otherwise the client would be refused again."""
        clock = ManualClock(START)
        hit = make(RateLimitSettings(global_per_minute=2, sensitive_per_minute=1), clock).hit
        hit("a", sensitive=False)
        clock.advance(20)
        assert hit("a", sensitive=True).remaining == 0
        refused = hit("a", sensitive=True)
        assert (refused.limit, refused.reset_seconds) == (1, 60)

    def test_clients_are_apart(self, make: Make) -> None:
        """The requests of one are none of another."""
        limits = RateLimitSettings(
            global_per_minute=1,
            sensitive_per_minute=1,
            key_global_per_minute=1,
            key_sensitive_per_minute=1,
        )
        hit = make(limits, ManualClock(START)).hit
        for client in ("203.0.113.7", "key:shop", "shop", "2001:db8::/64", "sensitive:a", "ä {x}"):
            shown = [hit(client, sensitive=True).allowed for _ in range(2)]
            assert shown == [True, False], client

    @pytest.mark.parametrize("sensitive", [False, True])
    def test_many_threads_get_no_more_than_one_would(self, make: Make, sensitive: bool) -> None:
        """Round after round, however the requests of a client meet."""
        limiter = make(_limits(5, 3), ManualClock(START))
        with racetrack(THREADS, limiter) as track:
            for number in rounds():
                hit = partial(limiter.hit, f"client {number}", sensitive=sensitive)
                decisions = track.together([hit] * THREADS)
                assert sum(each.allowed for each in decisions) == (3 if sensitive else 5)

    def test_threads_of_several_clients_do_not_disturb_each_other(self, make: Make) -> None:
        """Each client gets its own limit."""
        hit = make(_limits(40, 40), ManualClock(START)).hit

        def calls(client: str) -> int:
            return sum(hit(client, sensitive=True).allowed for _ in range(50))

        assert together([partial(calls, str(client)) for client in range(8)]) == [40] * 8

    # --- The start and the end ----------------------------------------------------------------

    def test_the_start_takes_the_limiter(self, make: Make) -> None:
        """It has every method, and each takes the arguments of the protocol by their names."""
        check_as_at_start("rate_limiter", make(_limits(3, 2), ManualClock(START)))

    def test_a_decision_has_the_figures_of_the_headers(self, make: Make) -> None:
        """They are whole numbers, and the name is one of the two limits."""
        hit = make(_limits(3, 1), ManualClock(START)).hit
        for decision in (hit("a", sensitive=True), hit("a", sensitive=True)):
            figures = (decision.limit, decision.remaining, decision.reset_seconds)
            assert [type(each) for each in figures] == [int, int, int]
            assert (type(decision.allowed), decision.name) == (bool, "sensitive")

    def test_limits_that_change_hold_from_then_on(self, make: Make) -> None:
        """A reload changes them while the facilitator runs."""
        limiter = make(_limits(9, 2), ManualClock(START))
        if not isinstance(limiter, ChangesLimits):
            pytest.skip("the limiter cannot change its limits")
        assert allowed(limiter.hit, 9, "one") == 2
        limiter.change(ClientLimits(Limits(9, 4), Limits(9, 3)))
        assert allowed(limiter.hit, 9, "two") == 4
        assert allowed(limiter.hit, 9, "key:shop") == 3

    @pytest.fixture
    def cut(self) -> Callable[[], None] | None:
        """Return a function that cuts the limiter's back end; a subclass may define it."""
        return None

    def test_a_limiter_that_is_cut_off_says_so(
        self, make: Make, cut: Callable[[], None] | None
    ) -> None:
        """``StorageUnavailable`` has the request counted in memory; other errors are faults."""
        if cut is None:
            pytest.skip("define the fixture cut, which cuts the back end of the limiter")
        limiter = make(_limits(3, 2), ManualClock(START))
        limiter.hit("a", sensitive=True)
        cut()
        with pytest.raises(StorageUnavailable, match=r"\w"):
            limiter.hit("a", sensitive=True)


def _limits(everything: int, sensitive: int) -> RateLimitSettings:
    return RateLimitSettings(global_per_minute=everything, sensitive_per_minute=sensitive)


def allowed(hit: Callable[..., RateDecision], times: int, client: str = "a") -> int:
    """Return the number of those that are allowed of so many sensitive requests."""
    return sum(hit(client, sensitive=True).allowed for _ in range(times))
