"""Payers share what a plan allows: no client uses up what others and open settlements need."""

import threading
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from facilitator.plugin import Allowance, AllowanceSpent, ChainUnavailable
from facilitator.testing.clock import ManualClock
from facilitator_blockfrost.budget import (
    BURST,
    DAY,
    KEPT_BURST,
    KEPT_OF_DAY,
    LONGEST_WAIT,
    REQUESTS_PER_DAY,
    REQUESTS_PER_SECOND,
    Budget,
)
from facilitator_blockfrost.helper_threads import HelperThreads
from facilitator_blockfrost.wasted import MAX_CLIENTS, WastedRequests

Payments = Callable[..., int]


@pytest.fixture
def budget(clock: ManualClock) -> Budget:
    return Budget("free", clock)


@pytest.fixture
def payments(budget: Budget, clock: ManualClock) -> Payments:
    """Have a client ask about payments, one question each; return how many were asked."""

    def ask(client: str, number: int, *, valid: bool = False) -> int:
        for done in range(number):
            allowance = Allowance(client, questions=6, most=24, seconds=9, clock=clock.time)
            try:
                budget.spend(allowance)
            except ChainUnavailable:
                return done
            if valid:
                allowance.accept()
            allowance.end()
        return number

    return ask


def test_a_client_wastes_no_more_of_the_burst_than_others_have_left(payments: Payments) -> None:
    wasted = payments("flood", 1000)
    assert wasted == (BURST - KEPT_BURST) / 2 + 1
    assert payments("honest", 100, valid=True) == 100


def test_who_floods_leaves_the_others_most_of_what_comes_back(
    payments: Payments, clock: ManualClock
) -> None:
    payments("flood", 1000)
    flooded = 0
    for _ in range(60):
        clock.advance(1)
        flooded += payments("flood", 20)
        assert payments("honest", 3, valid=True) == 3
    assert flooded <= 60 * 8


def test_what_was_wasted_does_not_outlast_a_clock_that_is_set_back(
    payments: Payments, clock: ManualClock
) -> None:
    """It was an hour ahead: what falls with time would not fall for an hour."""
    payments("flood", 1000)
    clock.set_back(3600)
    clock.advance(60)
    assert payments("flood", 100) == 100


def test_valid_payments_are_no_waste(payments: Payments) -> None:
    assert payments("shop", 440, valid=True) == 440


def test_some_of_the_burst_is_kept_for_settlements(budget: Budget, payments: Payments) -> None:
    waiting = LONGEST_WAIT * REQUESTS_PER_SECOND
    assert payments("shop", 1000, valid=True) == BURST - KEPT_BURST + waiting
    at_once = int(KEPT_BURST - waiting)
    assert [budget.spend() for _ in range(at_once)] == [0.0] * at_once


def test_a_client_wastes_no_more_of_the_day_than_others_have_left(
    payments: Payments, clock: ManualClock
) -> None:
    wasted = 0
    while asked := payments("flood", 200):
        wasted += asked
        clock.advance(60)
    usable = REQUESTS_PER_DAY["free"] * (1 - KEPT_OF_DAY)
    assert wasted == usable / 2
    assert payments("honest", 200, valid=True) == 200
    clock.advance(DAY)
    assert payments("flood", 100) == 100


def test_some_of_the_day_is_kept_for_settlements(
    budget: Budget, payments: Payments, clock: ManualClock
) -> None:
    while payments("shop", 200, valid=True):
        clock.advance(60)
    assert budget.left == REQUESTS_PER_DAY["free"] * KEPT_OF_DAY
    assert budget.spend() == 0.0


def test_a_share_that_is_used_up_says_nothing_of_the_provider(
    budget: Budget, payments: Payments
) -> None:
    payments("flood", 1000)
    with pytest.raises(AllowanceSpent, match="kept for others"):
        budget.spend(Allowance("flood", questions=6, most=24, seconds=9))


def test_too_many_payments_at_once_say_nothing_of_the_provider(
    budget: Budget, payments: Payments
) -> None:
    """Settlements under way go on."""
    payments("shop", 1000, valid=True)
    with pytest.raises(AllowanceSpent, match="10 requests a second"):
        budget.spend(Allowance("shop", questions=6, most=24, seconds=9))


def test_clients_are_remembered_within_bounds() -> None:
    wasted = WastedRequests(0.0)
    for number in range(MAX_CLIENTS + 1):
        wasted.add(str(number), 0)
    assert (wasted.of("0", 0), wasted.of("1", 0)) == (0, 1)


def test_no_caller_waits_for_the_calls_of_another() -> None:
    """All helpers are busy, and a caller with several calls makes them itself."""
    busy, over = threading.Barrier(4), threading.Event()
    helpers = HelperThreads(2, "test")

    def hang(_: int) -> None:
        busy.wait(60)
        over.wait(60)

    flood = threading.Thread(target=helpers.map, args=(hang, range(3)))
    flood.start()
    try:
        busy.wait(60)
        assert sorted(helpers.map(lambda each: each, range(20))) == list(range(20))
    finally:
        over.set()
        flood.join()
        helpers.close()


def test_helpers_raise_what_a_call_raises() -> None:
    helpers = HelperThreads(2, "test")

    def fail(number: int) -> Mapping[str, Any]:
        if number == 3:
            raise ChainUnavailable("no")
        return {}

    with pytest.raises(ChainUnavailable):
        helpers.map(fail, range(5))
    helpers.close()
