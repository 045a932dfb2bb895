"""Blocks of more transactions than a page of Blockfrost's API holds."""

from collections.abc import Callable

import pytest

from support.drills import NOT_ON_CHAIN, PENDING, Drill

Start = Callable[..., Drill]
PAGE = 100
TRANSACTIONS = 230


@pytest.mark.parametrize("storage", ["memory", "sqlite"])
def test_a_block_of_several_pages_is_read_to_its_end(start: Start, storage: str) -> None:
    drill = start(storage=storage)
    known = [drill.payment() for _ in range(3)]
    settled = [drill.payment() for _ in range(3)]
    for body in known:
        assert drill.verify(body)["isValid"]
    for place in range(TRANSACTIONS):
        if place in (0, 115, 225):
            number = (0, 115, 225).index(place)
            assert drill.settle(settled[number])["errorReason"] == PENDING
            drill.submitted(drill.rival(known[number]))
        else:
            drill.submitted(drill.payment())
    before = drill.devnet.tip().point
    drill.next_block()
    (block,) = drill.devnet.blocks_after(before)
    assert len(block.transactions) > 2 * PAGE
    drill.follows_the_tip()
    for body in known:
        assert drill.verify(body)["invalidReason"] == NOT_ON_CHAIN
    drill.next_block()
    for body in settled:
        drill.settled_once(body)
