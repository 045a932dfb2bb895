"""The same drills behind each server that speaks Blockfrost and takes transactions."""

from collections.abc import Callable

import pytest

from facilitator.testing.waiting import eventually
from facilitator_devnet.blockfrost.dress import DRESSES
from support.drills import NOT_ON_CHAIN, PENDING, SUBMIT, Drill, confirmed_by, in_block

Start = Callable[..., Drill]
each_dress = pytest.mark.parametrize("dress", [name for name in DRESSES if name != "ryo"])


@each_dress
def test_what_is_spent_is_refused(start: Start, dress: str) -> None:
    drill = start(dress=dress)
    body = drill.payment()
    assert drill.verify(body)["isValid"]
    drill.submitted(body)
    drill.next_block()
    drill.follows_the_tip()
    assert drill.verify(drill.rival(body))["invalidReason"] == NOT_ON_CHAIN


@each_dress
def test_a_lost_answer_to_a_submission_loses_no_payment(start: Start, dress: str) -> None:
    drill = start(dress=dress)
    body = drill.payment()
    drill.provider.faults.cut_after(SUBMIT, 1)
    assert drill.settle(body)["errorReason"] == PENDING
    eventually(lambda: drill.is_waiting(body))
    drill.next_blocks(2)
    drill.settled_once(body)


@each_dress
def test_a_payment_of_a_lost_block_is_submitted_again(start: Start, dress: str) -> None:
    drill = start(dress=dress)
    drill.next_block()
    body = drill.payment(confirmations=3)
    assert drill.settle(body)["errorReason"] == PENDING
    drill.next_block()
    drill.settle_while_open(body, confirmed_by(0))
    drill.replace_blocks(1)
    drill.settle_while_open(body, lambda _: drill.is_waiting(body))
    drill.next_blocks(4)
    drill.settled_once(body)


@each_dress
def test_a_standby_of_the_same_kind_goes_on(start: Start, dress: str) -> None:
    drill = start(2, dress=dress)
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
