"""A hard fork to protocol version 12, with payments in every state: none is lost or told wrong."""

from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from facilitator.cardano.transaction import Value
from facilitator.roles.claim import ClaimState
from facilitator.testing.clock import ManualClock
from facilitator.testing.payments import ALICE, MERCHANT, request_body, requirements, transaction_id
from facilitator.testing.running import NETWORK
from facilitator.testing.waiting import eventually
from facilitator_devnet.devnet import Devnet
from facilitator_devnet.genesis import epochs_of
from facilitator_devnet.protocol import ProtocolSchedule
from facilitator_devnet.wallet import build, sign
from support.drills import (
    DUPLICATE,
    KOIOS,
    MAX_TIMEOUT_SECONDS,
    OGMIOS,
    PENDING,
    Body,
    Drill,
    raw,
)

Start = Callable[..., Drill]
DECODE_FAILED = "invalid_exact_cardano_payload_transaction_decode_failed"
BEFORE_SECONDS = 3_000
"""From the start of the drill to the end of the epoch."""
OF_EACH = 67
"""Payments in each of three states as the fork comes: 201."""


@pytest.fixture
def devnet(clock: ManualClock) -> Iterator[Devnet]:
    epochs = epochs_of(NETWORK)
    with closing(Devnet(NETWORK, clock, schedule=ProtocolSchedule(11))) as devnet:
        fork = epochs.first_slot(epochs.at(devnet.now()) + 1)
        devnet.fork(fork)
        clock.advance(fork - BEFORE_SECONDS - devnet.now())
        yield devnet


def several(drill: Drill) -> list[Body]:
    return [drill.payment() for _ in range(OF_EACH)]


def submitted(drill: Drill) -> list[Body]:
    bodies = several(drill)
    for body in bodies:
        assert drill.settle(body)["errorReason"] == PENDING
    return bodies


def in_short_envelope(body: Body) -> Body:
    """The same payment with three elements, as only Dijkstra has it."""
    transaction = raw(body)
    assert transaction[-2:] == b"\xf5\xf6"
    short = b"\x83" + transaction[1:-2] + b"\xf6"
    return request_body(short, body["paymentRequirements"])


def signed_twice(drill: Drill, *, seconds: int) -> Body:
    """A payment with its signature twice, as Conway takes it and Dijkstra does not."""
    held, fee = 100_000_000, 300_000
    ref = drill.devnet.fund(ALICE.address, held)
    terms = {**requirements(), "maxTimeoutSeconds": MAX_TIMEOUT_SECONDS}
    paid = int(terms["amount"])
    change = (ALICE.address, Value(held - paid - fee, {}))
    outputs = [(MERCHANT.address, Value(paid, {})), change]
    body = build([ref], outputs, fee, drill.slot + seconds)
    return request_body(sign(body, [ALICE.payment_key] * 2), terms)


@pytest.mark.parametrize("dress", ["blockfrost", KOIOS, OGMIOS])
def test_payments_of_every_state_come_through_the_fork(start: Start, dress: str) -> None:
    drill = start(dress=dress)
    told = submitted(drill)
    old_and_short_lived = signed_twice(drill, seconds=BEFORE_SECONDS // 2)
    assert drill.settle(old_and_short_lived)["errorReason"] == PENDING
    drill.next_blocks(2)
    for body in (*told, old_and_short_lived):
        drill.settled_once(body)
    included = submitted(drill)
    drill.next_block()
    eventually(lambda: all(drill.stored(it).state is ClaimState.INCLUDED for it in included))
    verified = several(drill)
    for body in verified:
        assert drill.verify(body)["isValid"]
    # What one version alone takes is refused as long as the payment may land under the other.
    old, new = signed_twice(drill, seconds=50_000), in_short_envelope(drill.payment())
    assert drill.verify(old)["invalidReason"] == DECODE_FAILED
    assert drill.verify(new)["invalidReason"] == DECODE_FAILED
    waiting = submitted(drill)

    drill.clock.advance(BEFORE_SECONDS)
    assert drill.verify(verified[0])["isValid"]
    assert drill.verify(old)["invalidReason"] == DECODE_FAILED
    drill.next_block()
    assert drill.devnet.parameters().protocol_major == 12
    drill.clock.advance(30)  # the parameters of the new epoch are asked for every ten seconds
    eventually(lambda: drill.verify(new)["isValid"])
    assert drill.verify(old)["invalidReason"] == DECODE_FAILED
    for body in (*verified, new):
        assert drill.settle(body)["errorReason"] == PENDING
    drill.next_blocks(2)
    for body in (*included, *waiting, *verified, new):
        drill.settled_once(body)
    for body in (*told, old_and_short_lived):
        assert drill.settle(body)["errorReason"] == DUPLICATE
    everything = [*told, *included, *waiting, *verified, new, old_and_short_lived]
    assert sorted(drill.told) == sorted(map(transaction_id, everything))


def test_a_process_that_starts_after_the_fork_judges(start: Start) -> None:
    """Though its server fails on the eras, and though it has open settlements."""
    first = start()
    bodies = submitted(first)
    first.close()
    first.clock.advance(BEFORE_SECONDS)
    first.next_blocks(2)
    second = start()
    assert second.verify(second.payment())["isValid"]
    for body in bodies:
        second.settled_once(body)
