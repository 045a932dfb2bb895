"""The newest blocks of a followed chain, with the transactions that are in them."""

import math
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from facilitator.cardano.slots import EraSummary
from facilitator.roles.chain import Block, InBlock, Tip

WINDOW = 100
"""Blocks remembered; a rollback of at most this depth is followed step by step."""

_SPREAD_SECONDS = 20.0
"""Seconds after the start of its slot in which a block may still be made, by a late clock too."""
_SKEW_SECONDS = 5.0
"""Seconds by which the clocks of two machines may differ unnoticed."""


class _SeenBlock(NamedTuple):
    """A block of the window."""

    tip: Tip
    at: float
    """Unix seconds by this clock at which it was known to be on the chain; infinite if unknown."""
    transactions: Sequence[str] = ()


class BlockWindow:
    """At most :data:`WINDOW` blocks in a row. Changed by one thread, read by any."""

    def __init__(self) -> None:
        """Begin without a block."""
        self._blocks: deque[_SeenBlock] = deque(maxlen=WINDOW)
        self._included: dict[str, InBlock] = {}

    def __len__(self) -> int:
        """Return the number of blocks."""
        return len(self._blocks)

    @property
    def tip(self) -> Tip:
        """The newest block. Raises :class:`IndexError` if there is none."""
        return self._blocks[-1].tip

    @property
    def before_tip(self) -> Tip:
        """The block before it. Raises :class:`IndexError` if there is none."""
        return self._blocks[-2].tip

    def find(self, transaction_id: str) -> InBlock | None:
        """Return the block that holds the transaction, if there is one."""
        return self._included.get(transaction_id)

    def has_other_at(self, where: InBlock) -> bool:
        """Return True if another block is remembered at that height."""
        if not self._blocks:
            return False
        index = where.height - self._blocks[0].tip.height
        return (
            0 <= index < len(self._blocks)
            and self._blocks[index].tip.point.block != where.point.block
        )

    def watched_since(self, eras: EraSummary) -> float:
        """Return the Unix seconds from which on every new block is remembered.

        Of the oldest block itself only its time is known: what was sent from then on is in later
        ones. That time is the end of its slot, or by this clock where that says more: slots of a
        devnet may run ahead. Infinite without a block.
        """
        try:
            oldest = self._blocks[0]
        except IndexError:
            return math.inf
        made_by = eras.start_ms(oldest.tip.point.slot) / 1000 + _SPREAD_SECONDS
        return min(oldest.at + _SKEW_SECONDS, made_by)

    def begin(self, tip: Tip, at: float) -> None:
        """Begin with the block alone, of whose transactions nothing is known."""
        self.clear()
        self._blocks.append(_SeenBlock(tip, at))

    def append(self, block: Block, at: float) -> None:
        """Add the block on top; the oldest one makes room for it."""
        if len(self._blocks) == WINDOW:
            self._drop(self._blocks.popleft())
        tip = Tip(block.point, block.height)
        self._blocks.append(_SeenBlock(tip, at, block.transactions))
        where = InBlock(block.point, block.height)
        self._included.update(dict.fromkeys(block.transactions, where))

    def roll_back(self, height: int) -> None:
        """Drop the blocks above that height."""
        while self._blocks and self._blocks[-1].tip.height > height:
            self._drop(self._blocks.pop())

    def clear(self) -> None:
        """Drop all blocks."""
        self._blocks.clear()
        self._included.clear()

    def _drop(self, seen: _SeenBlock) -> None:
        for transaction_id in seen.transactions:
            self._included.pop(transaction_id, None)
