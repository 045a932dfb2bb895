from functools import partial

import pytest

from facilitator.testing.clock import ManualClock
from facilitator.testing.threads import together


def test_a_clock_goes_on_when_it_is_told_to() -> None:
    clock = ManualClock(1_000.0)
    assert clock.time() == 1_000.0
    clock.advance(0.5)
    assert clock.time() == 1_000.5


def test_a_clock_cannot_be_moved_back() -> None:
    clock = ManualClock(1_000.0)
    with pytest.raises(ValueError, match="moved back"):
        clock.advance(-1)
    assert clock.time() == 1_000.0


def test_a_clock_can_be_moved_by_many_threads() -> None:
    clock = ManualClock(0.0)
    together([partial(clock.advance, 1.0)] * 50)
    assert clock.time() == 50.0


def test_what_a_call_raises_is_raised_to_the_caller() -> None:
    clock = ManualClock(0.0)
    with pytest.raises(ValueError, match="moved back"):
        together([partial(clock.advance, 1.0), partial(clock.advance, -1.0)])
