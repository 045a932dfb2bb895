"""A change of the followed chain, and its bytes for those who hear of it from another process."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from facilitator.cardano.transaction import OutputRef
from facilitator.roles.chain import Block, Point, Tip


@dataclass(frozen=True, slots=True)
class ChainUpdate:
    """What changed on the chain; with the tip alone, that nothing did."""

    tip: Tip
    blocks: Sequence[Block] = ()
    """New blocks, oldest first."""
    rolled_back_to: int | None = None
    """Blocks above this height are gone."""
    contiguous: bool = True
    """False when blocks may have come or gone unseen: what was known must be looked up anew."""

    @property
    def only_extends(self) -> bool:
        """Whether the chain only grew, if it changed at all."""
        return self.contiguous and self.rolled_back_to is None


def encode_move(move: ChainUpdate, at: float) -> bytes:
    """Return the move as JSON, with the Unix time in seconds at which it was learnt."""
    return orjson.dumps(
        {
            "at": at,
            "tip": _tip(move.tip),
            "blocks": [
                [
                    _tip(Tip(block.point, block.height)),
                    block.parent,
                    block.transactions,
                    [[ref.transaction_id.hex(), ref.index] for ref in block.spent],
                ]
                for block in move.blocks
            ],
            "rolled_back_to": move.rolled_back_to,
            "contiguous": move.contiguous,
        }
    )


def decode_move(content: bytes) -> tuple[ChainUpdate, float]:
    """What :func:`encode_move` was given."""
    told = orjson.loads(content)
    move = ChainUpdate(
        tip=_read_tip(told["tip"]),
        blocks=[_read_block(*block) for block in told["blocks"]],
        rolled_back_to=told["rolled_back_to"],
        contiguous=told["contiguous"],
    )
    return move, told["at"]


def _tip(tip: Tip) -> list[Any]:
    return [tip.point.slot, tip.point.block, tip.height]


def _read_tip(told: list[Any]) -> Tip:
    slot, block, height = told
    return Tip(Point(slot, block), height)


def _read_block(tip: list[Any], parent: str, ids: list[str], spent: list[Any]) -> Block:
    point, height = _read_tip(tip)
    refs = frozenset(OutputRef(bytes.fromhex(made_by), index) for made_by, index in spent)
    return Block(point, height, parent, tuple(ids), refs)
