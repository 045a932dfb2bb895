"""The drills by way of Koios: outages at each step, rollbacks, machines that lag, a standby."""

from collections.abc import Callable

import pytest

from facilitator.testing.waiting import eventually
from support.drills import (
    DOWN,
    KOIOS,
    LOOKUP_FAILED,
    NOT_ON_CHAIN,
    OUTAGES,
    PENDING,
    REJECTED,
    Drill,
    confirmed_by,
    in_block,
)

Start = Callable[..., Drill]
PAUSE_SECONDS = 61
"""Koios is left alone for a minute once it says that there are too many requests."""


def started(start: Start, outage: str = "", **options: object) -> Drill:
    timeout = 0.5 if outage == "time-out" else 10.0
    return start(dress=KOIOS, timeout_seconds=timeout, **options)


def heal(drill: Drill) -> None:
    drill.provider.heal()
    drill.clock.advance(PAUSE_SECONDS)


@pytest.mark.parametrize("outage", DOWN)
def test_an_outage_is_no_verdict(start: Start, outage: str) -> None:
    drill = started(start, outage)
    good, spent = drill.payment(), drill.payment()
    bad = drill.rival(spent)
    drill.submitted(spent)
    drill.next_block()
    OUTAGES[outage].begin(drill.provider)
    for body in (good, bad):
        assert drill.verify(body)["invalidReason"] == LOOKUP_FAILED
    heal(drill)
    eventually(lambda: drill.verify(good)["isValid"])
    assert drill.verify(bad)["invalidReason"] == NOT_ON_CHAIN


@pytest.mark.parametrize("outage", DOWN)
@pytest.mark.parametrize("kind", ["cut before", "cut after"])
def test_an_outage_that_begins_with_the_submission(start: Start, kind: str, outage: str) -> None:
    """While it lasts, the blocks come that hold it."""
    drill = started(start, outage)
    body, submit = drill.payment(), drill.provider.submit
    if kind == "cut before":
        drill.provider.faults.cut_before(submit, 1)
    else:
        drill.provider.faults.cut_after(submit, 1)
    assert drill.settle(body)["errorReason"] == PENDING
    if kind == "cut after":
        eventually(lambda: drill.is_waiting(body))
    OUTAGES[outage].begin(drill.provider)
    eventually(lambda: not drill.trusts_what_it_knows)
    drill.next_blocks(2)
    assert drill.settle(body)["errorReason"] == PENDING
    heal(drill)
    if kind == "cut before":
        drill.settle_while_open(body, lambda _: drill.is_waiting(body))
        drill.next_blocks(2)
    drill.settled_once(body)


@pytest.mark.parametrize("outage", DOWN)
def test_confirming_is_resumed_after_an_outage(start: Start, outage: str) -> None:
    drill = started(start, outage)
    body = drill.payment(confirmations=2)
    assert drill.settle(body)["errorReason"] == PENDING
    drill.next_block()
    drill.settle_while_open(body, in_block)
    OUTAGES[outage].begin(drill.provider)
    eventually(lambda: not drill.trusts_what_it_knows)
    drill.next_blocks(2)
    assert drill.settle(body)["errorReason"] == PENDING
    heal(drill)
    assert drill.settled_once(body)["extra"] == {"status": "confirmed", "confirmations": 2}


def test_an_index_that_lags_loses_no_payment_and_takes_none_back(start: Start) -> None:
    """With each block an answer is of a machine that does not have it."""
    drill = started(start)
    body = drill.payment(confirmations=4)
    for _ in range(4):
        assert drill.settle(body)["errorReason"] == PENDING
        drill.provider.faults.stale(1, times=1)
        drill.next_block()
    drill.next_block()
    drill.settled_once(body)


def test_what_the_node_refuses_ends_the_settlement_by_its_code(start: Start) -> None:
    """Too late at the node: by the code of Ogmios, which names the slots."""
    drill = started(start)
    body = drill.payment(seconds=2000)
    assert drill.verify(body)["isValid"]
    drill.provider.faults.refuse(
        '{"jsonrpc":"2.0","method":"submitTransaction","error":{"code":3122,"message":"The'
        ' transaction has a too small fee","data":{}},"id":null}',
        drill.provider.submit,
        1,
    )
    # The node has it all the same, which the chain shows later: nothing is lost by the refusal.
    answer = drill.settle(body)
    assert answer["errorReason"] == REJECTED
    assert "3122" in answer["errorMessage"]


@pytest.mark.parametrize("blocks", [1, 3])
def test_a_dropped_payment_is_submitted_again(start: Start, blocks: int) -> None:
    drill = started(start)
    drill.next_block()
    body = drill.payment(confirmations=3)
    assert drill.settle(body)["errorReason"] == PENDING
    for depth in range(blocks):
        drill.next_block()
        drill.settle_while_open(body, confirmed_by(depth))
    drill.replace_blocks(blocks)
    drill.next_block()
    drill.settle_while_open(body, lambda _: drill.is_waiting(body))
    drill.next_blocks(4)
    drill.settled_once(body)


def test_a_payment_that_was_outspent_is_rejected(start: Start) -> None:
    drill = started(start)
    drill.next_block()
    body = drill.payment(confirmations=3)
    assert drill.settle(body)["errorReason"] == PENDING
    drill.next_block()
    drill.settle_while_open(body, in_block)
    drill.replace_blocks(1, by=drill.rival(body))
    drill.next_blocks(4)
    drill.settle_while_open(body, lambda answer: answer["errorReason"] == REJECTED)
    assert drill.told == []


def test_a_standby_of_another_kind_goes_on(start: Start) -> None:
    drill = start(2, dress=KOIOS, others=["blockfrost"])
    first, second = drill.payment(), drill.payment()
    assert drill.settle(first)["errorReason"] == PENDING
    drill.next_block()
    drill.settle_while_open(first, in_block)
    drill.provider.stop()
    assert drill.verify(second)["isValid"]
    assert drill.settle(second)["errorReason"] == PENDING
    drill.settle_while_open(second, lambda _: drill.is_waiting(second))
    drill.next_blocks(2)
    for body in (first, second):
        drill.settled_once(body)
