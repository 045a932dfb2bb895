"""Each client has its own CPU seconds, which it earns again."""

import pytest

from facilitator.scripts import time_budget
from facilitator.scripts.time_budget import TimeBudget


class Now:
    """A monotonic clock that the test moves."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def now() -> Now:
    return Now()


@pytest.fixture
def budget(now: Now) -> TimeBudget:
    return TimeBudget(lambda client: 60 if client.startswith("key:") else 6, now)


def test_what_is_spent_is_earned_again_within_a_minute(budget: TimeBudget, now: Now) -> None:
    budget.spend("one", 6)
    assert budget.left("one") == 0
    now.seconds += 10
    assert budget.left("one") == pytest.approx(1)
    now.seconds += 1000
    assert budget.left("one") == 6


def test_an_overrun_is_earned_back_first(budget: TimeBudget, now: Now) -> None:
    budget.spend("one", 9)
    now.seconds += 30
    assert budget.left("one") == pytest.approx(0)


def test_the_time_to_wait_is_known(budget: TimeBudget, now: Now) -> None:
    assert budget.seconds_until(0.5, "one") <= 0
    budget.spend("one", 6)
    assert budget.seconds_until(0.5, "one") == pytest.approx(5)
    now.seconds += budget.seconds_until(0.5, "one")
    assert budget.left("one") == pytest.approx(0.5)


def test_clients_do_not_share(budget: TimeBudget) -> None:
    budget.spend("one", 6)
    assert budget.left("other") == 6
    assert budget.left("key:shop") == 60


def test_the_memory_is_bounded(budget: TimeBudget, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time_budget, "MOST_CLIENTS", 2)
    for client in ("one", "two", "one", "three"):
        budget.spend(client, 1)
    assert [budget.left(each) for each in ("one", "two", "three")] == [4, 6, 5]
