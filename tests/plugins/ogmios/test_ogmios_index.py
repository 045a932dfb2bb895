"""The index of the newest blocks, held to a plain list through random histories."""

from itertools import count

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from facilitator.cardano.transaction import OutputRef
from facilitator.plugin import Block, Point, PointNotFound
from facilitator_ogmios.blocks import ReadBlock
from facilitator_ogmios.index import MOST_AT_ONCE, Index

MOST = 5


def name(number: int) -> str:
    return f"{number:064x}"


def block(number: int, height: int, parent: str) -> ReadBlock:
    """A block of one transaction, which spends the output that has the block's number."""
    ref, transaction = OutputRef(number.to_bytes(32, "big"), 0), name(1_000_000 + number)
    point = Point(height * 20, name(number))
    made = Block(point, height, parent, (transaction,), frozenset([ref]))
    return ReadBlock(made, {ref: transaction})


class Histories(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.index = Index(MOST)
        self.numbers = count(1)
        self.chain: list[Block] = []
        """All blocks of the chain, beginning at the origin."""
        self.gone: list[Block] = []

    @rule(blocks=st.integers(1, 4))
    def grow(self, blocks: int) -> None:
        for _ in range(blocks):
            parent = self.chain[-1].point.block if self.chain else name(0)
            read = block(next(self.numbers), len(self.chain), parent)
            assert self.index.append(read)
            self.chain.append(read.block)

    @rule(blocks=st.integers(1, MOST + 2))
    def roll_back(self, blocks: int) -> None:
        depth = min(blocks, len(self.chain))
        kept = len(self.chain) - depth
        point = self.chain[kept - 1].point if kept else None
        known = len(self.index)
        self.gone += self.chain[kept:]
        del self.chain[kept:]
        assert self.index.roll_back(point) is (depth <= known)
        if depth > known:
            self.index.begin(point)

    @rule()
    def refuse_another_parent(self) -> None:
        if self.chain:
            assert not self.index.append(block(next(self.numbers), 7, name(999_999_999)))

    @invariant()
    def it_has_the_newest_blocks(self) -> None:
        known = len(self.index)
        newest = self.chain[len(self.chain) - known :]
        older = self.chain[: len(self.chain) - known]
        assert known <= MOST
        assert self.index.point == (self.chain[-1].point if self.chain else None)
        assert self.index.base == (older[-1].point if older else None)
        for place, each in enumerate(newest):
            found = self.index.find(each.transactions[0])
            assert found is not None
            assert (found.point, found.height) == (each.point, each.height)
            (ref,) = each.spent
            assert self.index.spender(ref) == each.transactions[0]
            assert list(self.index.after(each.point)) == newest[place + 1 :]
        if older:
            assert list(self.index.after(older[-1].point)) == newest
        for each in [*older[:-1], *self.gone]:
            assert self.index.find(each.transactions[0]) is None
            assert not any(map(self.index.spender, each.spent))
            with pytest.raises(PointNotFound):
                self.index.after(each.point)


TestHistories = Histories.TestCase
TestHistories.settings = settings(max_examples=50, stateful_step_count=20, deadline=None)


def test_not_more_than_so_many_blocks_come_at_once() -> None:
    index, parent = Index(1000), name(0)
    for number in range(1, 3 * MOST_AT_ONCE):
        index.append(block(number, number, parent))
        parent = name(number)
    blocks = index.after(Point(20, name(1)))
    assert [each.height for each in blocks] == list(range(2, 2 + MOST_AT_ONCE))


def test_points_are_those_of_some_heights_and_the_one_before_all() -> None:
    index, parent = Index(10), name(0)
    for number in range(1, 31):
        index.append(block(number, number, parent))
        parent = name(number)
    assert [point.slot // 20 for point in index.points(4)] == [20, 24, 28]
