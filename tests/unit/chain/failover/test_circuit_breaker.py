"""The circuit breaker against a model of what it promises."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from facilitator.chain.failover.circuit_breaker import (
    FAILURES,
    MAX_COOLING_SECONDS,
    MIN_COOLING_SECONDS,
    CircuitBreaker,
    Permit,
)
from facilitator.testing.clock import ManualClock
from facilitator.testing.threads import together


def opened(clock: ManualClock) -> CircuitBreaker:
    breaker = CircuitBreaker(clock.time)
    for _ in range(FAILURES):
        fail(breaker)
    return breaker


def fail(breaker: CircuitBreaker) -> bool:
    permit = breaker.acquire()
    assert permit is not None
    return breaker.failed(permit, "down")


def cooling(breaker: CircuitBreaker, clock: ManualClock) -> float:
    """How long it takes until there is a trial, which then fails."""
    waited = 0.0
    while (permit := breaker.acquire()) is None:
        clock.advance(0.5)
        waited += 0.5
    assert permit.is_trial
    breaker.failed(permit, "still down")
    return waited


def test_it_cools_longer_each_time_up_to_a_minute() -> None:
    clock = ManualClock(0)
    breaker = opened(clock)
    assert [cooling(breaker, clock) for _ in range(6)] == [5, 10, 20, 40, 60, 60]


def test_only_an_answer_outside_of_trials_makes_it_patient_again() -> None:
    clock = ManualClock(0)
    breaker = opened(clock)
    clock.advance(MIN_COOLING_SECONDS)
    trial = breaker.acquire()
    assert trial is not None
    assert breaker.succeeded(trial)
    assert [fail(breaker) for _ in range(FAILURES)] == [False, False, True]
    assert cooling(breaker, clock) == 2 * MIN_COOLING_SECONDS
    clock.advance(MAX_COOLING_SECONDS)
    trial = breaker.acquire()
    assert trial is not None
    assert breaker.succeeded(trial)
    answered = breaker.acquire()
    assert answered is not None
    assert not breaker.succeeded(answered)
    assert [fail(breaker) for _ in range(FAILURES)] == [False, False, True]
    assert cooling(breaker, clock) == MIN_COOLING_SECONDS


def test_of_many_threads_one_makes_the_trial() -> None:
    clock = ManualClock(0)
    breaker = opened(clock)
    clock.advance(MIN_COOLING_SECONDS)
    permits = together([breaker.acquire] * 16)
    assert [permit.is_trial for permit in permits if permit is not None] == [True]


class BreakerModel(RuleBasedStateMachine):
    """Calls begin and end in any order, and time goes by."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = ManualClock(0)
        self.breaker = CircuitBreaker(self.clock.time)
        self.calls: list[Permit] = []
        self.stale: list[Permit] = []
        self.failures = 0
        self.openings = 0
        self.closed = True
        self.trial_at = 0.0

    @rule()
    def begin(self) -> None:
        permit = self.breaker.acquire()
        in_trial = any(call.is_trial for call in self.calls)
        if self.closed:
            assert permit is not None
            assert not permit.is_trial
        elif in_trial or self.clock.time() < self.trial_at:
            assert permit is None
        else:
            assert permit is not None
            assert permit.is_trial
        if permit is not None:
            self.calls.append(permit)

    @rule(seconds=st.floats(0, 100))
    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @rule(data=st.data())
    def succeed(self, data: st.DataObject) -> None:
        if permit := self.ended(data):
            assert self.breaker.succeeded(permit) == permit.is_trial
            self.failures = 0
            if permit.is_trial:
                self.change(closed=True)
            else:
                self.openings = 0

    @rule(data=st.data())
    def fail(self, data: st.DataObject) -> None:
        if permit := self.ended(data):
            self.failures += 1
            opens = permit.is_trial or self.failures == FAILURES
            assert self.breaker.failed(permit, "down") == (opens and not permit.is_trial)
            if opens:
                cooling = min(MIN_COOLING_SECONDS * 2**self.openings, MAX_COOLING_SECONDS)
                self.trial_at = self.clock.time() + cooling
                self.openings += 1
                self.change(closed=False)

    @rule(data=st.data(), well=st.booleans())
    def end_late(self, data: st.DataObject, well: bool) -> None:
        """News of a call that began before the breaker opened or closed changes nothing."""
        if self.stale:
            permit = self.stale.pop(data.draw(st.integers(0, len(self.stale) - 1)))
            breaker = self.breaker
            assert not (breaker.succeeded(permit) if well else breaker.failed(permit, "late"))

    def ended(self, data: st.DataObject) -> Permit | None:
        if not self.calls:
            return None
        return self.calls.pop(data.draw(st.integers(0, len(self.calls) - 1)))

    def change(self, *, closed: bool) -> None:
        self.closed = closed
        self.failures = 0
        self.stale += self.calls
        self.calls = []

    @invariant()
    def tells_whether_it_is_open(self) -> None:
        assert self.breaker.is_open == (not self.closed)
        assert self.breaker.reason in ("", "down")


TestBreakerModel = pytest.mark.once(BreakerModel.TestCase)
TestBreakerModel.settings = settings(max_examples=200, stateful_step_count=60)


@pytest.mark.parametrize("well", [True, False])
def test_late_news_of_a_trial_is_ignored_after_the_next(well: bool) -> None:
    clock = ManualClock(0)
    breaker = opened(clock)
    clock.advance(MIN_COOLING_SECONDS)
    trial = breaker.acquire()
    assert trial is not None
    breaker.failed(trial, "down")
    assert not (breaker.succeeded(trial) if well else breaker.failed(trial, "again"))
    assert breaker.is_open
    assert breaker.reason == "down"
