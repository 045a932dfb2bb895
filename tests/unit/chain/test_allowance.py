"""What may be asked about one payment: so many questions, for so long, by whichever provider."""

from collections.abc import Callable, Collection, Mapping

import pytest

from facilitator.cardano.transaction import OutputRef
from facilitator.chain.failover.circuit_breaker import FAILURES
from facilitator.chain.failover.failover_chain import FailoverChain, build_failover_chain
from facilitator.roles.allowance import (
    Allowance,
    AllowanceLate,
    AllowanceSpent,
    AllowanceUsedUp,
    allowing,
    current_allowance,
)
from facilitator.roles.chain import OutputStatus
from facilitator.testing.clock import ManualClock
from facilitator.testing.running import NETWORK, NOW
from facilitator_devnet.devnet import Devnet


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


def allowance(clock: ManualClock, **changes: float) -> Allowance:
    limits = {"questions": 3, "most": 5, "seconds": 8.0, **changes}
    return Allowance("client", clock=clock.time, **limits)  # type: ignore[arg-type]


def test_it_ends_after_so_many_questions(clock: ManualClock) -> None:
    each = allowance(clock)
    each.take(3)
    with pytest.raises(AllowanceUsedUp, match="3 questions, or 5"):
        each.take()


def test_questions_that_found_ones_own_count_only_against_the_whole(clock: ManualClock) -> None:
    each = allowance(clock)
    for _ in range(5):
        each.take()
        each.give_back(1)
    assert each.left == 0


def test_nothing_is_given_back_that_was_not_taken(clock: ManualClock) -> None:
    each = allowance(clock, most=100)
    each.give_back(50)
    assert each.left == 3


def test_it_ends_with_its_time(clock: ManualClock) -> None:
    each = allowance(clock)
    clock.advance(8)
    with pytest.raises(AllowanceLate, match="within 8 s"):
        each.take()


def test_it_is_that_of_the_block_around(clock: ManualClock) -> None:
    each = allowance(clock)
    with allowing(each):
        with allowing(None):
            assert current_allowance() is None
        assert current_allowance() is each
    assert current_allowance() is None


class Asking(Devnet):
    """A devnet whose outputs are asked for as the test says."""

    def __init__(self, clock: ManualClock, ask: Callable[[], None]) -> None:
        super().__init__(NETWORK, clock)
        self._ask = ask
        self.asked = 0

    def outputs(self, refs: Collection[OutputRef]) -> Mapping[OutputRef, OutputStatus]:
        self.asked += 1
        self._ask()
        return super().outputs(refs)


def spend_time(clock: ManualClock) -> None:
    """Take all the time that is left to the caller, and find that it is over."""
    each = current_allowance()
    assert each is not None
    clock.advance(max(0.0, each.seconds_left))
    each.check_time()


def spend_questions() -> None:
    each = current_allowance()
    assert each is not None
    each.take(100)


def pair(clock: ManualClock, first: Asking, second: Asking) -> FailoverChain:
    return build_failover_chain([("first", first), ("second", second)], clock.time)


def test_payments_that_ask_too_much_open_no_breaker(clock: ManualClock) -> None:
    first, second = Asking(clock, spend_questions), Asking(clock, spend_questions)
    chain = pair(clock, first, second)
    for _ in range(2 * FAILURES):
        with allowing(allowance(clock)), pytest.raises(AllowanceSpent):
            chain.outputs([])
    assert (first.asked, second.asked) == (2 * FAILURES, 0)


def test_a_standby_has_its_part_of_the_time(clock: ManualClock) -> None:
    first, second = Asking(clock, lambda: spend_time(clock)), Asking(clock, lambda: None)
    chain = pair(clock, first, second)
    with allowing(allowance(clock)):
        assert chain.outputs([]) == {}
    assert clock.time() == NOW + 4
    assert (first.asked, second.asked) == (1, 1)


def test_a_standby_is_asked_where_requests_are_kept_for_others(clock: ManualClock) -> None:
    def withhold() -> None:
        raise AllowanceSpent("kept for others")

    first, second = Asking(clock, withhold), Asking(clock, lambda: None)
    chain = pair(clock, first, second)
    for _ in range(2 * FAILURES):
        with allowing(allowance(clock)):
            assert chain.outputs([]) == {}
    assert (first.asked, second.asked) == (2 * FAILURES, 2 * FAILURES)
