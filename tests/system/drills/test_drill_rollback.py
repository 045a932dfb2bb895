"""Blocks are taken back: no success is told of what vanished before it was as deep as promised."""

from collections.abc import Callable

import pytest

from facilitator.chain import follower
from facilitator.chain.block_window import WINDOW
from facilitator.roles.chain import InBlock
from facilitator.testing.payments import transaction_id
from facilitator.testing.waiting import eventually
from support.drills import (
    PENDING,
    REJECTED,
    STATUS,
    SUBMIT,
    Body,
    Drill,
    confirmed_by,
    in_block,
)

Start = Callable[..., Drill]
each_storage = pytest.mark.parametrize("storage", ["memory", "sqlite"])
each_depth = pytest.mark.parametrize("blocks", [1, 3])


def included(drill: Drill, blocks: int, *, confirmations: int = 3, seconds: int = 50_000) -> Body:
    """A payment that has been seen in the first of so many blocks."""
    drill.next_block()
    body = drill.payment(confirmations=confirmations, seconds=seconds)
    assert drill.settle(body)["errorReason"] == PENDING
    for depth in range(blocks):
        drill.next_block()
        drill.settle_while_open(body, confirmed_by(depth))
    return body


@each_storage
@each_depth
def test_a_payment_that_was_outspent_is_rejected(start: Start, blocks: int, storage: str) -> None:
    drill = start(storage=storage)
    body = included(drill, blocks)
    rival = drill.rival(body)
    drill.replace_blocks(blocks, by=rival)
    drill.next_blocks(4)
    answer = drill.settle_while_open(body, lambda answer: answer["errorReason"] == REJECTED)
    assert answer["extra"]["status"] == "rejected"
    assert drill.status(body)["status"] == "rejected"
    assert drill.told == []
    assert drill.blocks_with(transaction_id(body)) == 0
    assert drill.blocks_with(transaction_id(rival)) == 1


@each_storage
@each_depth
def test_a_dropped_payment_is_submitted_again(start: Start, blocks: int, storage: str) -> None:
    drill = start(storage=storage)
    body = included(drill, blocks)
    drill.replace_blocks(blocks)
    drill.next_block()
    drill.settle_while_open(body, lambda _: drill.is_waiting(body))
    assert drill.provider.count(SUBMIT) == 2
    for depth in range(3):
        drill.next_block()
        drill.settle_while_open(body, confirmed_by(depth))
    drill.next_block()
    assert drill.settled_once(body)["extra"]["confirmations"] == 3


@each_storage
@each_depth
def test_a_payment_that_another_block_includes_is_counted_from_there(
    start: Start, blocks: int, storage: str
) -> None:
    drill = start(storage=storage)
    body = included(drill, blocks)
    with drill.devnet.chain():
        drill.devnet.rollback(blocks)
        drill.next_block()
    where = drill.devnet.transaction(transaction_id(body))
    assert isinstance(where, InBlock)
    drill.settle_while_open(body, confirmed_by(0))
    for depth in (1, 2):
        drill.next_block()
        drill.settle_while_open(body, confirmed_by(depth))
    drill.next_block()
    assert drill.settled_once(body)["extra"]["confirmations"] == 3


def test_the_same_height_again_and_again_is_no_depth(start: Start) -> None:
    """As many blocks as promised have come, but never on top of it."""
    drill = start()
    body = included(drill, 2)
    for _ in range(4):
        with drill.devnet.chain():
            drill.devnet.rollback(2)
            drill.next_blocks(2)
        drill.follows_the_tip()
        assert drill.settle(body)["errorReason"] == PENDING
    drill.next_blocks(2)
    drill.settled_once(body)


@each_storage
def test_what_was_settled_stays_so_though_it_vanishes_later(start: Start, storage: str) -> None:
    """As deep as promised it was told; that is what was promised."""
    drill = start(storage=storage)
    body = included(drill, 1, confirmations=1)
    drill.next_block()
    drill.settle_while_open(body, lambda answer: answer["success"])
    drill.replace_blocks(2, by=drill.rival(body))
    drill.next_blocks(3)
    drill.follows_the_tip()
    assert drill.settle(body)["errorReason"] == "duplicate_settlement"
    assert drill.told == [transaction_id(body)]


@each_storage
def test_what_was_settled_and_told_to_nobody_is_open_again_when_it_vanishes(
    start: Start, storage: str
) -> None:
    drill = start(storage=storage)
    body = included(drill, 1, confirmations=1)
    drill.next_block()
    eventually(lambda: drill.status(body)["status"] == "confirmed")
    drill.replace_blocks(2)
    drill.follows_the_tip()
    assert drill.settle(body)["errorReason"] == PENDING
    drill.settle_while_open(body, lambda _: drill.is_waiting(body))
    drill.next_blocks(2)
    drill.settled_once(body)


@each_storage
def test_a_rollback_deeper_than_what_is_remembered(start: Start, storage: str) -> None:
    drill = start(storage=storage)
    drill.next_block()
    known = drill.payment()
    assert drill.verify(known)["isValid"]
    for _ in range(WINDOW // 20 + 1):
        drill.next_blocks(20)
        drill.follows_the_tip()
    body = included(drill, 2)
    before = drill.devnet.tip().height
    drill.replace_blocks(before - 1, by=drill.rival(known))
    drill.next_blocks(2)
    drill.settle_while_open(body, lambda answer: not in_block(answer))
    eventually(lambda: drill.trusts_what_it_knows)
    assert not drill.verify(known)["isValid"]
    drill.settle_while_open(body, lambda _: drill.is_waiting(body))
    drill.next_blocks(4)
    drill.settled_once(body)


def test_following_goes_on_under_an_open_settlement(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long the questions by id take, which are asked by another thread."""
    monkeypatch.setattr(follower, "LINGER_POLLS", 2)
    drill = start(storage="memory")
    vanishing, slow = drill.payment(confirmations=3), drill.payment(confirmations=3)
    assert drill.settle(vanishing)["errorReason"] == PENDING
    drill.next_block()
    drill.settle_while_open(vanishing, in_block)
    drill.provider.faults.cut_before(SUBMIT, 1)
    drill.provider.faults.latency(3000, STATUS)
    assert drill.settle(slow)["errorReason"] == PENDING
    asked = drill.provider.count(STATUS)
    drill.clock.advance(6)
    eventually(lambda: drill.provider.count(STATUS) > asked)
    drill.replace_blocks(1, by=drill.rival(vanishing))
    for _ in range(6):
        drill.next_block()
        drill.follows_the_tip()
        assert drill.settle(vanishing)["success"] is False
    assert drill.told == []
