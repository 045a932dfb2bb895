"""The provider goes away, or its quota ends, while settlements wait for confirmations."""

from collections.abc import Callable
from typing import Literal

import pytest

from facilitator.testing.waiting import eventually
from support.drills import (
    BLOCKS,
    DOWN,
    LOOKUP_FAILED,
    OUTAGES,
    PENDING,
    Drill,
    confirmed_by,
    in_block,
    timeout_of,
)

Start = Callable[..., Drill]
MIDNIGHT_SECONDS = 86_400 - 1_765_000_000 % 86_400


@pytest.mark.parametrize("kind", DOWN)
def test_confirming_is_resumed_after_an_outage(start: Start, kind: str) -> None:
    drill = start(timeout_seconds=timeout_of(kind))
    body = drill.payment(confirmations=2)
    assert drill.settle(body)["errorReason"] == PENDING
    drill.next_block()
    drill.settle_while_open(body, in_block)

    OUTAGES[kind].begin(drill.provider)
    eventually(lambda: not drill.trusts_what_it_knows)
    drill.next_blocks(2)
    for _ in range(3):
        assert drill.settle(body)["errorReason"] == PENDING
    assert drill.status(body)["status"] == "pending"

    drill.provider.heal()
    assert drill.settled_once(body)["extra"] == {"status": "confirmed", "confirmations": 2}


def test_what_an_outage_hid_is_found_by_a_facilitator_started_anew(start: Start) -> None:
    drill = start()
    body = drill.payment(confirmations=2)
    assert drill.settle(body)["errorReason"] == PENDING
    drill.provider.stop()
    drill.next_blocks(3)
    drill.close()

    again = start()
    assert again.settle(body)["errorReason"] == PENDING
    again.provider.heal()
    again.settled_once(body)


@pytest.mark.parametrize("storage", ["memory", "sqlite"])
def test_a_rollback_during_an_outage_takes_the_inclusion_back(start: Start, storage: str) -> None:
    drill = start(storage=storage)
    body = drill.payment(confirmations=1)
    assert drill.settle(body)["errorReason"] == PENDING
    drill.next_block()
    drill.settle_while_open(body, in_block)

    drill.provider.stop()
    eventually(lambda: not drill.trusts_what_it_knows)
    drill.replace_blocks(1)
    drill.next_blocks(5)
    drill.provider.heal()
    drill.settle_while_open(body, lambda answer: not in_block(answer))
    drill.settle_while_open(body, lambda _: drill.is_waiting(body))
    drill.next_blocks(2)
    drill.settled_once(body)


@pytest.mark.parametrize("end", ["raised", "midnight"])
def test_a_quota_that_ends_in_the_middle_is_waited_out(
    start: Start, end: Literal["raised", "midnight"]
) -> None:
    drill = start()
    included, sent, other = (
        drill.payment(seconds=90_000, confirmations=5),
        drill.payment(seconds=90_000, confirmations=5),
        drill.payment(),
    )
    assert drill.settle(included)["errorReason"] == PENDING
    drill.next_block()
    drill.settle_while_open(included, in_block)
    assert drill.settle(sent)["errorReason"] == PENDING
    drill.provider.faults.quota(5)
    eventually(lambda: not drill.trusts_what_it_knows)

    told = drill.verify(other)
    assert (told["isValid"], told["invalidReason"]) == (False, LOOKUP_FAILED)
    assert OUTAGES["402"].words in told["invalidMessage"]
    assert "there are new ones at midnight UTC, in 18 h " in told["invalidMessage"]
    asked = drill.provider.total
    drill.next_blocks(6)
    for _ in range(10):
        assert not drill.verify(other)["isValid"]
        for body in (included, sent):
            assert drill.settle(body)["errorReason"] == PENDING
    assert drill.provider.total == asked  # whoever goes on asking is banned

    drill.provider.heal()
    drill.clock.advance(600 if end == "raised" else MIDNIGHT_SECONDS)
    for body in (included, sent):
        drill.settled_once(body)


def test_while_the_quota_is_used_up_one_request_in_ten_minutes_asks_whether_it_still_is(
    start: Start,
) -> None:
    drill = start()
    body = drill.payment(seconds=90_000)
    assert drill.settle(body)["errorReason"] == PENDING
    drill.provider.faults.quota(0)
    eventually(lambda: not drill.trusts_what_it_knows)
    for _ in range(3):
        asked = drill.provider.total
        drill.clock.advance(600)
        eventually(lambda before=asked: drill.provider.total > before)  # type: ignore[misc]
        assert drill.settle(body)["errorReason"] == PENDING
        assert drill.provider.total == asked + 1
    drill.provider.heal()
    drill.next_blocks(2)
    drill.clock.advance(600)
    drill.settled_once(body)


def test_forty_blocks_of_an_outage_are_caught_up(start: Start) -> None:
    drill = start()
    body = drill.payment(confirmations=20)
    assert drill.settle(body)["errorReason"] == PENDING
    cached = drill.payment()
    assert drill.verify(cached)["isValid"]
    drill.provider.stop()
    eventually(lambda: not drill.trusts_what_it_knows)
    drill.next_blocks(30)
    drill.submitted(drill.rival(cached))
    drill.next_blocks(10)
    drill.provider.heal()
    drill.follows_the_tip()
    assert 2 <= drill.provider.count(BLOCKS) <= 6
    assert not drill.verify(cached)["isValid"]
    answer = drill.settled_once(body)
    assert answer["extra"]["confirmations"] >= 20


@pytest.mark.parametrize("outage", ["refused", "503"])
def test_confirmations_are_those_of_the_chain_at_each_step(start: Start, outage: str) -> None:
    drill = start()
    body = drill.payment(confirmations=3)
    assert drill.settle(body)["errorReason"] == PENDING
    for depth in range(3):
        drill.next_block()
        drill.settle_while_open(body, confirmed_by(depth))
        OUTAGES[outage].begin(drill.provider)
        eventually(lambda: not drill.trusts_what_it_knows)
        drill.provider.heal()
    drill.next_block()
    drill.settled_once(body)


def test_an_open_settlement_is_pending_all_through_an_outage(start: Start) -> None:
    drill = start()
    body = drill.payment()
    assert drill.settle(body)["errorReason"] == PENDING
    drill.provider.stop()
    for _ in range(10):
        assert drill.settle(body)["errorReason"] == PENDING
        eventually(lambda: drill.call("GET", "/health")[1]["status"] == "degraded")
