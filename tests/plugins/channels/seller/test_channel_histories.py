"""Over any history the seller can redeem what it served, and the payer owes what was charged."""

import os

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from support.channel_bugs import BUGS, Plant
from support.channel_histories import ChannelHistories

HISTORIES = int(os.environ.get("FACILITATOR_TEST_CHANNEL_HISTORIES", "60"))
UNTIL_FOUND = 400


def test_histories_of_channels() -> None:
    run_state_machine_as_test(
        ChannelHistories, settings=settings(max_examples=HISTORIES, stateful_step_count=40)
    )


@pytest.mark.parametrize("plant", BUGS, ids=lambda plant: plant.__name__)
def test_a_planted_bug_is_found(monkeypatch: pytest.MonkeyPatch, plant: Plant) -> None:
    plant(monkeypatch)
    # The same histories in each run: the bug is found in each, or in none.
    searched = settings(
        max_examples=UNTIL_FOUND,
        stateful_step_count=40,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        report_multiple_bugs=False,
    )
    with pytest.raises(AssertionError):
        run_state_machine_as_test(ChannelHistories, settings=searched)
