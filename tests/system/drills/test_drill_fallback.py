"""A second Blockfrost stands in for the first while that is down, and no longer."""

from collections.abc import Callable

import pytest

from facilitator.testing.waiting import eventually
from support.drills import (
    DOWN,
    LOOKUP_FAILED,
    NOT_ON_CHAIN,
    OUTAGES,
    OUTPUTS,
    PENDING,
    SUBMIT,
    Drill,
    confirmed_by,
    in_block,
    timeout_of,
)

Start = Callable[..., Drill]
each_outage = pytest.mark.parametrize("kind", [*DOWN, "402"])


def pair(start: Start, kind: str) -> Drill:
    return start(2, timeout_seconds=timeout_of(kind))


def heal_the_first(drill: Drill, kind: str) -> None:
    """Wait until it is used again."""
    drill.provider.heal()
    drill.clock.advance(OUTAGES[kind].pause_seconds)

    def is_used() -> bool:
        before = drill.provider.count(OUTPUTS)
        is_valid = bool(drill.verify(drill.payment())["isValid"])
        return is_valid and drill.provider.count(OUTPUTS) > before

    eventually(is_used)


@each_outage
def test_verdicts_go_on_with_the_standby(start: Start, kind: str) -> None:
    drill = pair(start, kind)
    spent = drill.payment()
    drill.submitted(spent)
    drill.next_block()
    OUTAGES[kind].begin(drill.provider)
    for _ in range(4):
        assert drill.verify(drill.payment())["isValid"]
        assert drill.verify(drill.rival(spent))["invalidReason"] == NOT_ON_CHAIN
    heal_the_first(drill, kind)
    asked = drill.providers[1].count(OUTPUTS)
    assert drill.verify(drill.payment())["isValid"]
    assert drill.providers[1].count(OUTPUTS) == asked


@each_outage
def test_settlements_go_on_with_the_standby(start: Start, kind: str) -> None:
    """Down before the first is judged, back before the last is confirmed."""
    drill = pair(start, kind)
    first, second, third = (drill.payment(confirmations=2) for _ in range(3))
    assert drill.settle(first)["errorReason"] == PENDING
    drill.next_block()
    drill.settle_while_open(first, in_block)

    OUTAGES[kind].begin(drill.provider)
    assert drill.settle(second)["errorReason"] == PENDING
    drill.settle_while_open(second, lambda _: drill.is_waiting(second))
    drill.next_blocks(2)
    drill.settled_once(first)
    drill.settle_while_open(second, confirmed_by(1))

    heal_the_first(drill, kind)
    assert drill.settle(third)["errorReason"] == PENDING
    drill.next_blocks(3)
    for body in (second, third):
        drill.settled_once(body)
    assert sum(provider.count(SUBMIT) for provider in drill.providers) <= 4


@pytest.mark.parametrize("status", [402, 403, 425, 429])
def test_what_the_first_did_not_send_the_standby_sends(start: Start, status: int) -> None:
    drill = start(2)
    body = drill.payment()
    drill.provider.faults.answer(status, SUBMIT)
    assert drill.settle(body)["errorReason"] == PENDING
    assert drill.is_waiting(body)
    assert [provider.count(SUBMIT) for provider in drill.providers] == [1, 1]
    drill.next_blocks(2)
    drill.settled_once(body)


@pytest.mark.parametrize("is_taken", [False, True])
def test_what_the_first_may_have_sent_no_other_sends_before_it_was_looked_for(
    start: Start, is_taken: bool
) -> None:
    drill = start(2)
    body = drill.payment()
    faults = drill.provider.faults
    if is_taken:
        faults.cut_after(SUBMIT, 1)
    else:
        faults.cut_before(SUBMIT, 1)
    assert drill.settle(body)["errorReason"] == PENDING
    assert drill.is_waiting(body) == is_taken
    assert drill.providers[1].count(SUBMIT) == 0
    drill.provider.stop()
    drill.settle_while_open(body, lambda _: drill.is_waiting(body))
    assert drill.providers[1].count(SUBMIT) == (0 if is_taken else 1)
    drill.next_blocks(2)
    drill.settled_once(body)


def test_while_both_are_down_there_is_no_verdict(start: Start) -> None:
    drill = start(2)
    body, cached = drill.payment(), drill.payment(confirmations=2)
    assert drill.settle(cached)["errorReason"] == PENDING
    for provider in drill.providers:
        provider.stop()
    for _ in range(4):
        answer = drill.verify(body)
        assert answer["invalidReason"] == LOOKUP_FAILED
        assert "blockfrost: " in answer["invalidMessage"]
        assert "blockfrost_backup: " in answer["invalidMessage"]
    drill.next_blocks(3)
    drill.providers[1].heal()
    eventually(lambda: drill.verify(body)["isValid"])
    drill.settled_once(cached)  # shown by a block, or by its id while none could be read
    assert drill.providers[1].total > 0


def test_a_standby_that_lags_does_not_call_a_payment_bad_or_settled(start: Start) -> None:
    """It does not know the newest blocks: neither what they made nor that they are there."""
    drill = start(2)
    drill.next_blocks(5)
    body = drill.payment(confirmations=2)
    assert drill.settle(body)["errorReason"] == PENDING
    drill.next_block()
    drill.settle_while_open(body, in_block)
    drill.providers[1].faults.stale(3)
    drill.provider.stop()
    for _ in range(10):
        answer = drill.settle(body)
        assert not answer["success"]
        assert answer["extra"].get("confirmations", 0) == 0
    drill.provider.heal()
    drill.next_blocks(2)
    drill.settled_once(body)
