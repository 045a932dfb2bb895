"""The newest blocks in a row, and what their transactions spent and made."""

import threading
from collections import deque
from collections.abc import Sequence
from itertools import islice

from facilitator.cardano.transaction import OutputRef
from facilitator.plugin import Block, InBlock, Point, PointNotFound, Tip
from facilitator_ogmios.blocks import ReadBlock

MOST_AT_ONCE = 100
"""Blocks that one question returns."""


class Index:
    """The blocks after a point. One thread changes them, any thread reads them."""

    def __init__(self, most: int) -> None:
        """Keep so many blocks; begin at the origin."""
        self._most = most
        self._lock = threading.Lock()
        self._blocks: deque[Block] = deque()
        self._places: dict[str, InBlock] = {}
        self._spenders: dict[OutputRef, str] = {}
        self.base: Point | None = None
        """The block before the oldest one; ``None`` at the origin: then all blocks are here."""

    def begin(self, base: Point | None) -> None:
        """Forget all, and go on after ``base``."""
        with self._lock:
            self._blocks.clear()
            self._places.clear()
            self._spenders.clear()
            self.base = base

    def __len__(self) -> int:
        """Return the number of blocks."""
        return len(self._blocks)

    @property
    def tip(self) -> Tip | None:
        """The newest block, if there is one here."""
        with self._lock:
            if not self._blocks:
                return None
            block = self._blocks[-1]
            return Tip(block.point, block.height)

    @property
    def point(self) -> Point | None:
        """The point of the newest block; ``None`` at the origin."""
        with self._lock:
            return self._blocks[-1].point if self._blocks else self.base

    def append(self, read: ReadBlock) -> bool:
        """Add the block on top; return False if it does not follow the newest one."""
        with self._lock:
            before = self._blocks[-1].point if self._blocks else self.base
            if before is not None and read.block.parent != before.block:
                return False
            self._blocks.append(read.block)
            where = InBlock(read.block.point, read.block.height)
            self._places.update(dict.fromkeys(read.block.transactions, where))
            self._spenders.update(read.spenders)
            if len(self._blocks) > self._most:
                oldest = self._blocks.popleft()
                self.base = oldest.point
                self._forget(oldest)
            return True

    def roll_back(self, point: Point | None) -> bool:
        """Drop the blocks after the point; return False if it is older than what is here."""
        with self._lock:
            while self._blocks and self._blocks[-1].point != point:
                self._forget(self._blocks.pop())
            return bool(self._blocks) or self.base == point

    def after(self, point: Point) -> Sequence[Block]:
        """Return some blocks after the point, oldest first. Raises :class:`PointNotFound`."""
        with self._lock:
            newest_first = enumerate(block.point for block in reversed(self._blocks))
            back = next((number for number, each in newest_first if each == point), None)
            if back is None and self.base == point:
                back = len(self._blocks)
            if back is None:
                raise PointNotFound(f"block {point.block} at slot {point.slot} is not there")
            start = len(self._blocks) - back
            return [*islice(self._blocks, start, start + MOST_AT_ONCE)]

    def find(self, transaction_id: str) -> InBlock | None:
        """Return the block that holds the transaction, if one of these does."""
        return self._places.get(transaction_id)

    def spender(self, ref: OutputRef) -> str | None:
        """Return the transaction in these blocks that spent the output, if one did."""
        return self._spenders.get(ref)

    def place(self, transaction_id: str) -> tuple[InBlock, Point | None] | None:
        """Return the transaction's block and the point before it, if one of these blocks has it.

        The point is ``None`` at the origin.
        """
        with self._lock:
            where = self._places.get(transaction_id)
            if where is None:
                return None
            points = [self.base, *(each.point for each in self._blocks)]
            return where, points[points.index(where.point) - 1]

    def points(self, every: int) -> Sequence[Point]:
        """Return the base and the point of each block at a height that ``every`` divides."""
        with self._lock:
            kept = [each.point for each in self._blocks if each.height % every == 0]
            return kept if self.base is None else [self.base, *kept]

    def _forget(self, block: Block) -> None:
        for transaction_id in block.transactions:
            self._places.pop(transaction_id, None)
        for ref in block.spent:
            self._spenders.pop(ref, None)
