"""Over any history the seller can redeem what it served, and the payer owes what was charged."""

import os

from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from support.channel_histories import ChannelHistories

EXAMPLES = int(os.environ.get("FACILITATOR_TEST_CHANNEL_HISTORIES", "60"))


def test_histories_of_channels() -> None:
    run_state_machine_as_test(
        ChannelHistories, settings=settings(max_examples=EXAMPLES, stateful_step_count=40)
    )
