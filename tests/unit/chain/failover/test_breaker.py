"""The circuit breaker against a model of what it promises."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from facilitator.chain.failover.circuit_breaker import (
    FAILURES,
    MAX_COOLING_SECONDS,
    MIN_COOLING_SECONDS,
    Breaker,
    Ticket,
)
from facilitator.testing.clock import ManualClock
from facilitator.testing.threads import together


def opened(clock: ManualClock) -> Breaker:
    breaker = Breaker(clock.time)
    for _ in range(FAILURES):
        fail(breaker)
    return breaker


def fail(breaker: Breaker) -> bool:
    ticket = breaker.admit()
    assert ticket is not None
    return breaker.failed(ticket, "down")


def cooling(breaker: Breaker, clock: ManualClock) -> float:
    """How long it takes until there is a trial, which then fails."""
    waited = 0.0
    while (ticket := breaker.admit()) is None:
        clock.advance(0.5)
        waited += 0.5
    assert ticket.is_trial
    breaker.failed(ticket, "still down")
    return waited


def test_it_cools_longer_each_time_up_to_a_minute() -> None:
    clock = ManualClock(0)
    breaker = opened(clock)
    assert [cooling(breaker, clock) for _ in range(6)] == [5, 10, 20, 40, 60, 60]


def test_only_an_answer_outside_of_trials_makes_it_patient_again() -> None:
    clock = ManualClock(0)
    breaker = opened(clock)
    clock.advance(MIN_COOLING_SECONDS)
    trial = breaker.admit()
    assert trial is not None
    assert breaker.succeeded(trial)
    assert [fail(breaker) for _ in range(FAILURES)] == [False, False, True]
    assert cooling(breaker, clock) == 2 * MIN_COOLING_SECONDS
    clock.advance(MAX_COOLING_SECONDS)
    trial = breaker.admit()
    assert trial is not None
    assert breaker.succeeded(trial)
    answered = breaker.admit()
    assert answered is not None
    assert not breaker.succeeded(answered)
    assert [fail(breaker) for _ in range(FAILURES)] == [False, False, True]
    assert cooling(breaker, clock) == MIN_COOLING_SECONDS


def test_of_many_threads_one_makes_the_trial() -> None:
    clock = ManualClock(0)
    breaker = opened(clock)
    clock.advance(MIN_COOLING_SECONDS)
    tickets = together([breaker.admit] * 16)
    assert [ticket.is_trial for ticket in tickets if ticket is not None] == [True]


class BreakerModel(RuleBasedStateMachine):
    """Calls begin and end in any order, and time goes by."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = ManualClock(0)
        self.breaker = Breaker(self.clock.time)
        self.calls: list[Ticket] = []
        self.stale: list[Ticket] = []
        self.failures = 0
        self.openings = 0
        self.closed = True
        self.trial_at = 0.0

    @rule()
    def begin(self) -> None:
        ticket = self.breaker.admit()
        in_trial = any(call.is_trial for call in self.calls)
        if self.closed:
            assert ticket is not None
            assert not ticket.is_trial
        elif in_trial or self.clock.time() < self.trial_at:
            assert ticket is None
        else:
            assert ticket is not None
            assert ticket.is_trial
        if ticket is not None:
            self.calls.append(ticket)

    @rule(seconds=st.floats(0, 100))
    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @rule(data=st.data())
    def succeed(self, data: st.DataObject) -> None:
        if ticket := self.ended(data):
            assert self.breaker.succeeded(ticket) == ticket.is_trial
            self.failures = 0
            if ticket.is_trial:
                self.change(closed=True)
            else:
                self.openings = 0

    @rule(data=st.data())
    def fail(self, data: st.DataObject) -> None:
        if ticket := self.ended(data):
            self.failures += 1
            opens = ticket.is_trial or self.failures == FAILURES
            assert self.breaker.failed(ticket, "down") == (opens and not ticket.is_trial)
            if opens:
                cooling = min(MIN_COOLING_SECONDS * 2**self.openings, MAX_COOLING_SECONDS)
                self.trial_at = self.clock.time() + cooling
                self.openings += 1
                self.change(closed=False)

    @rule(data=st.data(), well=st.booleans())
    def end_late(self, data: st.DataObject, well: bool) -> None:
        """News of a call that began before the breaker opened or closed changes nothing."""
        if self.stale:
            ticket = self.stale.pop(data.draw(st.integers(0, len(self.stale) - 1)))
            breaker = self.breaker
            assert not (breaker.succeeded(ticket) if well else breaker.failed(ticket, "late"))

    def ended(self, data: st.DataObject) -> Ticket | None:
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


TestBreakerModel = BreakerModel.TestCase
TestBreakerModel.settings = settings(max_examples=200, stateful_step_count=60)


@pytest.mark.parametrize("well", [True, False])
def test_late_news_of_a_trial_is_ignored_after_the_next(well: bool) -> None:
    clock = ManualClock(0)
    breaker = opened(clock)
    clock.advance(MIN_COOLING_SECONDS)
    trial = breaker.admit()
    assert trial is not None
    breaker.failed(trial, "down")
    assert not (breaker.succeeded(trial) if well else breaker.failed(trial, "again"))
    assert breaker.is_open
    assert breaker.reason == "down"
