"""The bytes of an update, which processes of different versions may exchange."""

import orjson

from facilitator.cardano.transaction import OutputRef
from facilitator.chain.chain_update import ChainUpdate, decode_update, encode_update
from facilitator.roles.chain import Block, Point, Tip


def test_an_update_is_read_as_it_was_written_under_the_same_names() -> None:
    point = Point(7, "ab" * 32)
    block = Block(point, 3, "cd" * 32, ("ef" * 32,), frozenset({OutputRef(b"\1" * 32, 0)}))
    update = ChainUpdate(Tip(point, 3), [block], rolled_back_to=2, contiguous=False)
    content = encode_update(update, 1.5, 0.25)
    assert decode_update(content) == (update, 1.5, 0.25)
    record = orjson.loads(content)
    assert set(record) == {"at", "took", "tip", "blocks", "rolled_back_to", "gapless"}
    del record["took"]  # as processes of an older version write it
    assert decode_update(orjson.dumps(record)) == (update, 1.5, 0.0)
