"""The provider fails while payments are submitted: each settles once, or not at all."""

from collections.abc import Callable

import pytest

from facilitator.roles.chain import NotFound
from facilitator.testing.payments import transaction_id
from facilitator.testing.waiting import eventually
from support.drills import (
    DOWN,
    LOOKUP_FAILED,
    OUTAGES,
    PENDING,
    REJECTED,
    STATUS,
    SUBMIT,
    Body,
    Drill,
    in_block,
    timeout_of,
)

Start = Callable[..., Drill]
Break = Callable[[Drill, Body], object]

NOTHING_TAKEN: dict[str, Break] = {
    "cut before": lambda drill, _: drill.provider.faults.cut_before(SUBMIT, 1),
    **{
        str(status): lambda drill, _, status=status: drill.provider.faults.answer(status, SUBMIT, 1)  # type: ignore[misc]
        for status in (500, 503, 504)
    },
}
"""The answer does not tell, and no node was given it."""


def taken_and(status: int) -> Break:
    """A node takes it and the answer is a failure."""

    def begin(drill: Drill, body: Body) -> None:
        drill.submitted(body)
        drill.provider.faults.answer(status, SUBMIT, 1)

    return begin


TAKEN: dict[str, Break] = {
    "cut after": lambda drill, _: drill.provider.faults.cut_after(SUBMIT, 1),
    "truncated": lambda drill, _: drill.provider.faults.truncate(SUBMIT, 1),
    "time-out": lambda drill, _: drill.provider.faults.latency(700, SUBMIT, 1),
    **{f"taken and {status}": taken_and(status) for status in (500, 503, 504)},
}
"""A node has it, and the answer does not tell."""

UNKNOWN = {**NOTHING_TAKEN, **TAKEN}


def start_with_unknown_outcome(start: Start, kind: str, **options: object) -> tuple[Drill, Body]:
    """A settlement whose submission had no known outcome; its caller was told to come back."""
    drill = start(timeout_seconds=timeout_of(kind), **options)
    body = drill.payment()
    UNKNOWN[kind](drill, body)
    answer = drill.settle(body)
    assert answer["errorReason"] == PENDING
    assert answer["transaction"] == transaction_id(body)
    if kind in TAKEN:
        eventually(lambda: not is_nowhere(drill, body))
    return drill, body


def is_nowhere(drill: Drill, body: Body) -> bool:
    return isinstance(drill.devnet.transaction(transaction_id(body)), NotFound)


def wait_in_mempool(drill: Drill, body: Body) -> None:
    if is_nowhere(drill, body):  # else the first answer could be the success already
        drill.settle_while_open(body, lambda _: not is_nowhere(drill, body))


@pytest.mark.parametrize("storage", ["memory", "sqlite"])
@pytest.mark.parametrize("kind", UNKNOWN)
def test_a_submission_of_unknown_outcome_settles_once(
    start: Start, kind: str, storage: str
) -> None:
    drill, body = start_with_unknown_outcome(start, kind, storage=storage)
    assert is_nowhere(drill, body) == (kind in NOTHING_TAKEN)
    assert drill.settle(body)["errorReason"] == PENDING
    assert drill.provider.count(SUBMIT) == 1
    drill.clock.advance(6)  # it is asked for by its id
    eventually(lambda: drill.stored(body).accepted)
    drill.next_blocks(2)
    drill.settled_once(body)
    assert drill.provider.count(SUBMIT) == (2 if kind in NOTHING_TAKEN else 1)


@pytest.mark.parametrize("outage", DOWN)
@pytest.mark.parametrize("kind", ["cut before", "cut after"])
def test_an_outage_that_begins_with_the_submission(start: Start, kind: str, outage: str) -> None:
    """While it lasts, the blocks come that hold it."""
    drill = start(timeout_seconds=timeout_of(outage))
    body = drill.payment()
    UNKNOWN[kind](drill, body)
    assert drill.settle(body)["errorReason"] == PENDING
    OUTAGES[outage].begin(drill.provider)
    eventually(lambda: not drill.trusts_what_it_knows)
    drill.next_blocks(2)
    drill.clock.advance(200)
    assert drill.settle(body)["errorReason"] == PENDING
    drill.provider.heal()
    wait_in_mempool(drill, body)
    drill.next_blocks(2)
    drill.settled_once(body)


@pytest.mark.parametrize("status", [402, 403, 404, 418, 425, 429])
def test_a_submission_that_was_not_sent_is_made_later(start: Start, status: int) -> None:
    drill = start()
    body = drill.payment()
    drill.provider.faults.answer(status, SUBMIT, 1)
    assert drill.settle(body)["errorReason"] == PENDING
    assert is_nowhere(drill, body)
    drill.clock.advance(600)
    wait_in_mempool(drill, body)
    drill.next_blocks(2)
    drill.settled_once(body)
    assert drill.provider.count(SUBMIT) == 2


def test_a_refusal_is_told_in_the_nodes_words(start: Start) -> None:
    drill = start()
    body = drill.payment()
    rival = drill.rival(body)
    drill.submitted(rival)
    assert drill.settle(body)["errorReason"] == PENDING
    drill.next_blocks(2)
    drill.clock.advance(6)
    answer = drill.settle_while_open(body, lambda answer: answer["errorReason"] == REJECTED)
    assert "the node's mempool does not take it" in answer["errorMessage"]
    assert "All inputs are spent." in answer["errorMessage"]
    assert drill.status(body)["status"] == "rejected"
    assert drill.verify(body)["invalidReason"] == REJECTED
    assert drill.blocks_with(transaction_id(body)) == 0
    assert drill.blocks_with(transaction_id(rival)) == 1


def test_a_refusal_that_cannot_be_checked_decides_nothing(start: Start) -> None:
    """A node refuses as well what is in a block already; whether it is, nobody can tell."""
    drill = start()
    body = drill.payment()
    drill.submitted(drill.rival(body))
    drill.provider.faults.answer(503, STATUS)
    assert drill.settle(body)["errorReason"] == PENDING
    drill.next_blocks(2)
    assert drill.settle(body)["errorReason"] == PENDING
    drill.provider.heal()
    drill.clock.advance(200)
    drill.settle_while_open(body, lambda answer: answer["errorReason"] == REJECTED)
    assert drill.blocks_with(transaction_id(body)) == 0


def test_what_another_has_submitted_already_is_no_refusal(start: Start) -> None:
    """The index does not know the block yet that the node refuses it for."""
    drill = start()
    body = drill.payment()
    drill.verify(body)
    drill.submitted(body)
    drill.provider.faults.stale(1)
    drill.next_block()
    assert drill.settle(body)["errorReason"] == PENDING
    drill.provider.heal()
    drill.next_blocks(2)
    drill.clock.advance(6)
    drill.settled_once(body)


@pytest.mark.parametrize("kind", DOWN)
def test_in_an_outage_nothing_is_claimed(start: Start, kind: str) -> None:
    drill = start(timeout_seconds=timeout_of(kind))
    body = drill.payment()
    OUTAGES[kind].begin(drill.provider)
    answer = drill.settle(body)
    assert answer["errorReason"] == LOOKUP_FAILED
    assert OUTAGES[kind].words in answer["errorMessage"]
    assert drill.facilitator.storage.claim(transaction_id(body)) is None
    drill.provider.heal()
    eventually(lambda: drill.settle(body)["errorReason"] == PENDING)
    drill.next_block()
    drill.settle_while_open(body, in_block)
    drill.next_block()
    drill.settled_once(body)


@pytest.mark.parametrize("storage", ["memory", "sqlite"])
def test_what_waits_in_a_mempool_that_nobody_sees_settles_once(start: Start, storage: str) -> None:
    """It is sent again and refused as a double spend of itself, which decides nothing."""
    drill = start(storage=storage)
    body = drill.payment()
    drill.provider.faults.answer(404, "GET /mempool/{hash}")
    drill.provider.faults.cut_after(SUBMIT, 1)
    assert drill.settle(body)["errorReason"] == PENDING
    drill.settle_while_open(body, lambda _: drill.provider.count(SUBMIT) == 3)
    drill.next_blocks(2)
    drill.settled_once(body)


def test_a_submission_that_was_not_sent_is_not_called_submitted(start: Start) -> None:
    drill = start()
    body = drill.payment()
    drill.verify(body)
    drill.provider.faults.answer(402, SUBMIT)
    message = drill.settle(body)["errorMessage"]
    assert message.startswith("no node has it yet: ")
    assert "402" in message or "used up" in message
