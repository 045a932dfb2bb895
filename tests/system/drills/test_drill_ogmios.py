"""The drills by way of Ogmios: outages at each step, rollbacks, a standby of another kind."""

from collections.abc import Callable
from pathlib import Path

import pytest

from facilitator.testing.clock import ManualClock
from facilitator.testing.waiting import eventually
from facilitator_devnet.devnet import Devnet
from facilitator_devnet.ogmios.api import OgmiosApi
from support.drills import (
    DOWN,
    KOIOS,
    LOOKUP_FAILED,
    NOT_ON_CHAIN,
    OGMIOS,
    OUTAGES,
    PENDING,
    REJECTED,
    Body,
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


def test_a_lost_submission_is_sent_again_though_old_blocks_are_not_known(
    start: Start, devnet: Devnet, clock: ManualClock
) -> None:
    """The payment is younger than the oldest block that is."""
    for _ in range(101):
        devnet.produce_block()
    drill = started(start)
    clock.advance(600)
    body = drill.payment()
    drill.provider.faults.cut_before(drill.provider.submit, 1)
    assert drill.settle(body)["errorReason"] == PENDING
    drill.settle_while_open(body, lambda _: drill.is_waiting(body))
    drill.next_blocks(2)
    drill.settled_once(body)
    assert drill.call("GET", f"/status/{'ab' * 32}")[0] == 503


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


@pytest.mark.parametrize("kinds", [(OGMIOS, "blockfrost", KOIOS), (KOIOS, OGMIOS, "blockfrost")])
def test_standbys_of_other_kinds_go_on(
    start: Start, kinds: tuple[str, str, str], caplog: pytest.LogCaptureFixture
) -> None:
    """In their order, and the health shows it."""
    drill = start(3, dress=kinds[0], others=kinds[1:])
    bodies = [drill.payment() for _ in kinds]
    goes_through(drill, bodies[0])
    drill.provider.stop()
    goes_through(drill, bodies[1])
    eventually(lambda: f"switched from {kinds[0]} to {kinds[1]}" in caplog.text)
    drill.providers[1].stop()
    goes_through(drill, bodies[2])
    eventually(lambda: f"switched from {kinds[1]} to {kinds[2]}" in caplog.text)
    dependencies = drill.call("GET", "/health")[1]["dependencies"]
    assert dependencies[f"cardano:preprod ({kinds[0]})"]["status"] == "down"
    assert dependencies[f"cardano:preprod ({kinds[1]}, standby)"]["status"] == "down"
    assert dependencies[f"cardano:preprod ({kinds[2]}, standby)"]["status"] == "up"
    drill.next_blocks(2)
    for body in bodies:
        drill.settled_once(body)


def goes_through(drill: Drill, body: Body) -> None:
    """Verify and settle until it is in a block."""
    eventually(lambda: drill.verify(body)["isValid"])
    assert drill.settle(body)["errorReason"] == PENDING
    drill.settle_while_open(body, lambda _: drill.is_waiting(body))
    drill.next_block()
    drill.settle_while_open(body, in_block)
