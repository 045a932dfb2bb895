"""A follower is blind after failures in a row, and says since when."""

import pytest

from facilitator.chain.sight import BLIND_AFTER, Sight
from facilitator.plugin import ChainUnavailable
from facilitator.testing.clock import ManualClock


def test_it_says_since_when_and_why() -> None:
    clock = ManualClock(1_790_000_000.0)
    sight = Sight(clock)
    sight.lose("one time-out")
    sight.check()
    clock.advance(60)
    for _ in range(BLIND_AFTER - 1):
        sight.lose("no answer")
    assert sight.is_lost
    with pytest.raises(ChainUnavailable, match="since 2026-09-21T14:13:20Z: no answer"):
        sight.check()


def test_it_sees_again() -> None:
    sight = Sight(ManualClock(0.0))
    for _ in range(BLIND_AFTER):
        sight.lose("no answer")
    sight.regain()
    sight.check()
    assert not sight.is_lost
    sight.lose("no answer")
    assert not sight.is_lost
