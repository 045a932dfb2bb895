"""A change of the followed chain, and its bytes for the other processes of a fleet."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson

from facilitator.cardano.transaction import OutputRef
from facilitator.roles.chain import Block, Point, Tip


@dataclass(frozen=True, slots=True)
class ChainUpdate:
    """A change of the chain. With the tip alone, nothing changed."""

    tip: Tip
    blocks: Sequence[Block] = ()
    """New blocks, oldest first."""
    rolled_back_to: int | None = None
    """Blocks above this height are gone."""
    contiguous: bool = True
    """False if blocks may have come or gone unseen: everything must be looked up again."""

    @property
    def only_extends(self) -> bool:
        """True if no block was taken back or missed: the chain grew, or did not change."""
        return self.contiguous and self.rolled_back_to is None


class PublishedUpdate(NamedTuple):
    """An update as the feed holds it."""

    update: ChainUpdate
    at: float
    """Unix seconds at which it was published, by the publisher's clock, which may be wrong."""
    took: float
    """Seconds before that at which the publisher had begun to ask the chain."""


def encode_update(update: ChainUpdate, at: float, took: float) -> bytes:
    """Return the fields of :class:`PublishedUpdate` as JSON."""
    return orjson.dumps(
        {
            "at": at,
            "took": took,
            "tip": _encode_tip(update.tip),
            "blocks": [
                [
                    _encode_tip(Tip(block.point, block.height)),
                    block.parent,
                    block.transactions,
                    [[ref.transaction_id.hex(), ref.index] for ref in block.spent],
                ]
                for block in update.blocks
            ],
            "rolled_back_to": update.rolled_back_to,
            # The name is stored, and processes of an older version read it.
            "gapless": update.contiguous,
        }
    )


def decode_update(content: bytes) -> PublishedUpdate:
    """Return the arguments of :func:`encode_update`."""
    record = orjson.loads(content)
    update = ChainUpdate(
        tip=_decode_tip(record["tip"]),
        blocks=[_decode_block(*block) for block in record["blocks"]],
        rolled_back_to=record["rolled_back_to"],
        contiguous=record["gapless"],
    )
    # Processes of an older version write no "took".
    return PublishedUpdate(update, record["at"], record.get("took", 0.0))


def _encode_tip(tip: Tip) -> list[Any]:
    return [tip.point.slot, tip.point.block, tip.height]


def _decode_tip(fields: list[Any]) -> Tip:
    slot, block, height = fields
    return Tip(Point(slot, block), height)


def _decode_block(tip: list[Any], parent: str, ids: list[str], spent: list[Any]) -> Block:
    point, height = _decode_tip(tip)
    refs = frozenset(OutputRef(bytes.fromhex(made_by), index) for made_by, index in spent)
    return Block(point, height, parent, tuple(ids), refs)
