"""The drills by way of Ogmios: outages at each step, rollbacks, a standby of another kind."""

from collections.abc import Callable
from pathlib import Path

import pytest

from facilitator.testing.waiting import eventually
from facilitator_devnet.ogmios.api import OgmiosApi
from support.drills import (
    DOWN,
    LOOKUP_FAILED,
    NOT_ON_CHAIN,
    OGMIOS,
    OUTAGES,
    PENDING,
    REJECTED,
    Drill,
    confirmed_by,
    in_block,
)

Start = Callable[..., Drill]


def started(start: Start, outage: str = "", **options: object) -> Drill:
    timeout = 0.5 if outage == "time-out" else 10.0
    return start(dress=OGMIOS, timeout_seconds=timeout, **options)


def begin(drill: Drill, outage: str) -> None:
    """Have every message meet the outage, and the one for the next block as well."""
    OUTAGES[outage].begin(drill.provider)
    api = drill.provider.api
    if outage != "refused":
        assert isinstance(api, OgmiosApi)
        api.lose_node()


def blind(drill: Drill) -> None:
    """Wait until it knows that blocks cannot be followed."""
    eventually(lambda: not drill.trusts_what_it_knows)


@pytest.mark.parametrize("outage", DOWN)
def test_an_outage_is_no_verdict(start: Start, outage: str) -> None:
    drill = started(start, outage)
    good, spent = drill.payment(), drill.payment()
    bad = drill.rival(spent)
    drill.submitted(spent)
    drill.next_block()
    assert drill.verify(good)["isValid"]
    begin(drill, outage)
    eventually(lambda: drill.verify(good)["invalidReason"] == LOOKUP_FAILED)
    eventually(lambda: drill.verify(bad)["invalidReason"] == LOOKUP_FAILED)
    drill.provider.heal()
    eventually(lambda: drill.verify(good)["isValid"])
    eventually(lambda: drill.verify(bad)["invalidReason"] == NOT_ON_CHAIN)


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
    begin(drill, outage)
    blind(drill)
    drill.next_blocks(2)
    assert drill.settle(body)["errorReason"] == PENDING
    drill.provider.heal()
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
    begin(drill, outage)
    blind(drill)
    drill.next_blocks(2)
    assert drill.settle(body)["errorReason"] == PENDING
    drill.provider.heal()
    assert drill.settled_once(body)["extra"] == {"status": "confirmed", "confirmations": 2}


def test_a_refusal_of_what_the_node_has_ends_nothing(start: Start) -> None:
    """By its mempool, which is looked into before a refusal counts."""
    drill = started(start)
    body = drill.payment(seconds=2000)
    drill.provider.faults.refuse(
        '{"error": {"code": 3122, "message": "The fee is too small"}}', drill.provider.submit, 1
    )
    assert drill.settle(body)["errorReason"] == PENDING
    drill.next_blocks(2)
    drill.settled_once(body)


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


def test_what_lands_during_a_restart_is_confirmed_after_it(start: Start, tmp_path: Path) -> None:
    """The blocks are read from a point in the file."""
    drill = started(start)
    body = drill.payment()
    assert drill.settle(body)["errorReason"] == PENDING
    drill.close()
    assert (tmp_path / "points.json").exists()
    drill.next_blocks(2)
    again = started(start)
    again.told = drill.told
    again.settled_once(body)


@pytest.mark.parametrize("kinds", [(OGMIOS, "blockfrost"), ("koios", OGMIOS)])
def test_a_standby_of_another_kind_goes_on(start: Start, kinds: tuple[str, str]) -> None:
    drill = start(2, dress=kinds[0], second=kinds[1])
    first, second = drill.payment(), drill.payment()
    assert drill.settle(first)["errorReason"] == PENDING
    drill.next_block()
    drill.settle_while_open(first, in_block)
    drill.provider.stop()
    eventually(lambda: drill.verify(second)["isValid"])
    assert drill.settle(second)["errorReason"] == PENDING
    drill.settle_while_open(second, lambda _: drill.is_waiting(second))
    drill.next_blocks(2)
    for body in (first, second):
        drill.settled_once(body)
