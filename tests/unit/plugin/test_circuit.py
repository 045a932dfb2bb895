import pytest

from facilitator.roles.circuit import (
    FIRST_PAUSE_SECONDS,
    LONGEST_PAUSE_SECONDS,
    Circuit,
    Complaint,
)
from facilitator.testing.clock import ManualClock
from facilitator.testing.threads import together

AWAY = Complaint("away", "away from 127.0.0.1")
LOADING = Complaint("loading", "loading at 127.0.0.1")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(0.0)


@pytest.fixture
def circuit(clock: ManualClock) -> Circuit:
    return Circuit(clock.time)


def test_calls_are_let_through_until_one_fails(circuit: Circuit) -> None:
    assert circuit.complaint() is None
    circuit.worked()
    assert circuit.complaint() is None
    circuit.failed(AWAY)
    assert circuit.complaint() == AWAY


def test_one_call_of_many_tries_again(circuit: Circuit, clock: ManualClock) -> None:
    circuit.failed(AWAY)
    clock.advance(FIRST_PAUSE_SECONDS)
    complaints = together([circuit.complaint] * 50)
    assert complaints.count(None) == 1
    assert complaints.count(AWAY) == 49


def test_all_are_let_through_when_one_has_worked(circuit: Circuit, clock: ManualClock) -> None:
    circuit.failed(AWAY)
    clock.advance(FIRST_PAUSE_SECONDS)
    circuit.complaint()
    circuit.worked()
    assert together([circuit.complaint] * 50) == [None] * 50


def test_a_try_that_never_ends_keeps_nobody_from_trying(
    circuit: Circuit, clock: ManualClock
) -> None:
    circuit.failed(AWAY)
    for _ in range(3):
        clock.advance(FIRST_PAUSE_SECONDS)
        assert circuit.complaint() is None
        assert circuit.complaint() == AWAY


def pauses(circuit: Circuit, clock: ManualClock) -> list[float]:
    """How long it takes each time until a call may try, which then fails."""
    found = []
    for _ in range(6):
        before = clock.time()
        while circuit.complaint() is not None:
            clock.advance(0.25)
        found.append(clock.time() - before)
        circuit.failed(AWAY)
    return found


def test_pauses_grow_to_a_limit_and_start_anew(circuit: Circuit, clock: ManualClock) -> None:
    for _ in range(2):
        for _ in range(50):  # that were under way when it went away
            circuit.failed(AWAY)
        assert pauses(circuit, clock) == [0.5, 1.0, 2.0, 4.0, 5.0, 5.0]
        circuit.worked()
    assert LONGEST_PAUSE_SECONDS == 5.0


def test_the_newest_complaint_is_told(circuit: Circuit) -> None:
    circuit.failed(AWAY)
    circuit.failed(LOADING)
    assert circuit.complaint() == LOADING
