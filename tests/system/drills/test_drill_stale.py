"""Backends that lag, one behind an address or some of several."""

from collections.abc import Callable
from itertools import count

import pytest

from facilitator.testing.payments import transaction_id
from facilitator.testing.waiting import eventually
from facilitator_devnet.blockfrost.faults import Effects, Faults
from support.drills import (
    FAILED,
    LOOKUP_FAILED,
    NOT_ON_CHAIN,
    PENDING,
    REJECTED,
    Drill,
    confirmed_by,
)

Start = Callable[..., Drill]
each_lag = pytest.mark.parametrize("blocks", [1, 3, 12])


class EveryOther(Faults):
    """Two backends behind one address, asked in turn, of which one lags."""

    def __init__(self, blocks: int, first: int) -> None:
        super().__init__()
        self._turn = count(first)
        self._blocks = blocks

    def effects(self, endpoint: str) -> Effects:  # noqa: ARG002 -- whatever is asked
        return Effects(stale_blocks=self._blocks if next(self._turn) % 2 else 0)


@each_lag
@pytest.mark.parametrize("storage", ["memory", "sqlite"])
def test_an_output_seen_spent_is_never_called_unspent(
    start: Start, blocks: int, storage: str
) -> None:
    drill = start(storage=storage)
    drill.next_blocks(15)
    body, other = drill.payment(), drill.payment()
    assert drill.verify(other)["isValid"]
    drill.submitted(drill.rival(body))
    drill.next_block()
    drill.follows_the_tip()
    drill.provider.faults.stale(blocks)
    told = {drill.verify(body)["invalidReason"]}
    eventually(lambda: not drill.trusts_what_it_knows)
    told |= {drill.verify(body)["invalidReason"] for _ in range(5)}
    assert told <= {NOT_ON_CHAIN, LOOKUP_FAILED}
    drill.provider.heal()
    eventually(lambda: drill.verify(other)["isValid"])

    def is_called_spent() -> bool:
        told.add(drill.verify(body)["invalidReason"])
        return NOT_ON_CHAIN in told

    told.clear()
    eventually(is_called_spent)
    assert told <= {NOT_ON_CHAIN, LOOKUP_FAILED}


@each_lag
def test_a_backend_that_lags_takes_no_inclusion_back(start: Start, blocks: int) -> None:
    drill = start()
    drill.next_blocks(15)
    body = drill.payment(confirmations=2)
    assert drill.settle(body)["errorReason"] == PENDING
    drill.next_block()
    drill.settle_while_open(body, confirmed_by(0))
    drill.provider.faults.stale(blocks)
    eventually(lambda: not drill.trusts_what_it_knows)
    for _ in range(5):
        answer = drill.settle(body)
        assert answer["errorReason"] == PENDING
        assert answer["errorReason"] != PENDING or answer["extra"]["confirmations"] == 0
    drill.provider.heal()
    drill.next_blocks(2)
    drill.settled_once(body)


@pytest.mark.parametrize("first", [0, 1])
@each_lag
@pytest.mark.parametrize("storage", ["memory", "sqlite"])
def test_settlements_over_fresh_and_stale_backends_in_turn(
    start: Start, blocks: int, first: int, storage: str
) -> None:
    drill = start(storage=storage)
    drill.next_blocks(15)
    bodies = [drill.payment(confirmations=confirmations) for confirmations in (0, 1, 3)]
    drill.provider.api.faults = EveryOther(blocks, first)
    waiting = [transaction_id(body) for body in bodies]

    def all_told() -> bool:
        for body in bodies:
            if transaction_id(body) in waiting:
                answer = drill.settle(body)
                assert answer["errorReason" if not answer["success"] else "success"] not in (
                    REJECTED,
                    FAILED,
                )
                if answer["success"]:
                    waiting.remove(transaction_id(body))
        drill.clock.advance(1)
        drill.next_block()
        return not waiting

    eventually(all_told)
    drill.provider.api.faults = Faults()
    for body in bodies:
        drill.stays_settled(body)
