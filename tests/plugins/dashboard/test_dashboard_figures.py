"""The figures of the dashboard's overview."""

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from facilitator.plugin import RefusalCount, Total, new_record
from facilitator.testing.clock import ManualClock
from facilitator.testing.payment_ledger import NOON, settled, submitted
from facilitator_dashboard.figures import (
    confirmation_times,
    refusals_by_reason,
    totals_by_asset,
    totals_by_caller,
)
from facilitator_dashboard.overview import FRESH_SECONDS, Overview
from facilitator_memory.ledger import MemoryLedger


def total(day: str, asset: str = "lovelace", caller: str = "", amount: int = 1) -> Total:
    return Total("cardano:preprod", asset, day, None, caller, 1, amount, 2)


@given(st.lists(st.floats(0, 10_000), max_size=60))
def test_every_time_is_in_one_class(seconds: list[float]) -> None:
    record = new_record(settled(submitted()))
    times = confirmation_times(
        [replace(record, created_at=0.0, settled_at=each) for each in seconds]
    )
    assert sum(each["count"] for each in times["bins"]) == times["count"] == len(seconds)
    if seconds:
        below = [each for each in seconds if each <= times["median"] + 0.001]
        assert 2 * len(below) >= len(seconds)
        assert times["median"] <= times["p90"]


def test_of_nothing_there_is_no_median() -> None:
    times = confirmation_times([new_record(submitted())])
    assert (times["count"], times["median"], times["p90"]) == (0, None, None)


def test_sums_are_by_asset_and_by_caller() -> None:
    found = [
        total("2026-01-06", caller="shop", amount=2**64),
        total("2026-01-07", caller="shop"),
        total("2026-01-07", caller=""),
        total("2025-12-31", caller="old"),
        total("2026-01-01", asset="aa.bb", caller="shop", amount=5),
    ]
    token, ada = totals_by_asset(found, "2026-01-07", "2026-01-01")
    assert (token["asset"], token["today"]["count"], token["week"]["amount"]) == ("aa.bb", 0, "5")
    assert ada["today"] == {"count": 2, "amount": "2", "fee": "4"}
    assert ada["week"] == {"count": 3, "amount": str(2**64 + 2), "fee": "6"}
    by_caller = totals_by_caller(found, "2026-01-01")
    assert [(each["caller"], each["asset"], each["count"]) for each in by_caller] == [
        ("shop", "lovelace", 2),
        (None, "lovelace", 1),
        ("shop", "aa.bb", 1),
    ]


def test_refusals_are_by_reason_with_the_newest_sentence() -> None:
    def refusal(reason: str, count: int, at: float, sample: str) -> RefusalCount:
        return RefusalCount("2026-01-07", "verify", reason, "", count, at, sample)

    found = refusals_by_reason(
        [refusal("a", 1, 5.0, "new"), refusal("b", 7, 1.0, "b"), refusal("a", 2, 3.0, "old")]
    )
    assert [(each["reason"], each["count"], each["sample"]) for each in found] == [
        ("b", 7, "b"),
        ("a", 3, "new"),
    ]


class Counted(MemoryLedger):
    """A ledger whose sums take some seconds of a clock, and are counted."""

    def __init__(self, clock: ManualClock, seconds: float) -> None:
        super().__init__()
        self._clock, self._seconds = clock, seconds
        self.sums = 0

    def totals(self, *arguments: Any) -> Any:
        self.sums += 1
        self._clock.advance(self._seconds)
        return super().totals(*arguments)


def test_figures_are_shared_for_a_while_which_grows_with_their_cost() -> None:
    for seconds, kept in ((0.0, FRESH_SECONDS), (2.0, 20.0)):
        clock = ManualClock(NOON)
        ledger = Counted(clock, seconds)
        overview = Overview(clock, 300, clock.time)
        first = overview.figures(ledger)
        clock.advance(kept - 0.1)
        assert overview.figures(ledger) is first
        clock.advance(0.2)
        overview.figures(ledger)
        assert ledger.sums == 2
