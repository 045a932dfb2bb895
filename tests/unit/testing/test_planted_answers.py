"""The contract of chain providers catches answers that are remembered, cut, or mixed up."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from facilitator.cardano.transaction import OutputRef
from facilitator.roles.chain import (
    Block,
    InBlock,
    OutputStatus,
    Point,
    Spent,
    TransactionStatus,
    Unspent,
)
from facilitator.testing.chain_freshness import FreshnessContract
from facilitator.testing.clock import ManualClock
from facilitator.testing.over_devnet import OverDevnet
from facilitator_devnet.devnet import Devnet
from support.contracts import failures

pytestmark = pytest.mark.once


class Provider(Devnet):
    """What a plugin shows of a devnet, which itself goes by no planted method."""

    def __init__(self, devnet: Devnet) -> None:
        self.__dict__ = {**devnet.__dict__}
        self.kept: dict[Any, Any] = {}
        self.asked: Any = None


class Remembers(Provider):
    """A provider that asks for each output until it has a status of this kind."""

    kind: type = Unspent

    def outputs(self, refs: Collection[OutputRef]) -> Mapping[OutputRef, OutputStatus]:
        found = {ref: self.kept.get(ref) or super().outputs([ref])[ref] for ref in refs}
        self.kept |= {ref: each for ref, each in found.items() if isinstance(each, self.kind)}
        return found


class RemembersSpent(Remembers):
    kind = Spent


class RemembersInBlock(Provider):
    def transaction(self, transaction_id: str) -> TransactionStatus:
        found: TransactionStatus = self.kept.get(transaction_id) or super().transaction(
            transaction_id
        )
        if isinstance(found, InBlock):
            self.kept[transaction_id] = found
        return found


class RemembersBlocks(Provider):
    def blocks_after(self, point: Point) -> Sequence[Block]:
        if point not in self.kept:
            self.kept[point] = super().blocks_after(point)
        blocks: Sequence[Block] = self.kept[point]
        return blocks


class Changes(Provider):
    """A provider that leaves something out of each block."""

    change: Callable[[Block], Block] = staticmethod(lambda block: block)

    def blocks_after(self, point: Point) -> Sequence[Block]:
        return [self.change(each) for each in super().blocks_after(point)]


class OneTransaction(Changes):
    change = staticmethod(lambda block: replace(block, transactions=block.transactions[:1]))


class OneSpent(Changes):
    change = staticmethod(lambda block: replace(block, spent=frozenset(sorted(block.spent)[:1])))


class ByTransaction(Provider):
    """One spent output of a transaction stands for all of them."""

    def outputs(self, refs: Collection[OutputRef]) -> Mapping[OutputRef, OutputStatus]:
        found = dict(super().outputs(refs))
        gone = {ref.transaction_id for ref, each in found.items() if isinstance(each, Spent)}
        return {ref: Spent() if ref.transaction_id in gone else each for ref, each in found.items()}


class Indexes(Provider):
    def outputs(self, refs: Collection[OutputRef]) -> Mapping[OutputRef, OutputStatus]:
        return {refs[n]: super().outputs(refs)[refs[n]] for n in range(len(refs))}  # type: ignore[index]


class Fifty(Provider):
    def outputs(self, refs: Collection[OutputRef]) -> Mapping[OutputRef, OutputStatus]:
        return super().outputs(list(refs)[:50])


class MixesOutputs(Provider):
    """Keeps what is asked for in a field that all threads share."""

    def outputs(self, refs: Collection[OutputRef]) -> Mapping[OutputRef, OutputStatus]:
        self.asked = refs
        found = super().outputs(refs)
        return {ref: found.get(ref, Spent()) for ref in self.asked}


class MixesTransactions(Provider):
    def transaction(self, transaction_id: str) -> TransactionStatus:
        self.asked = transaction_id
        return super().transaction(self.asked)


OUTLIVES = "test_no_answer_outlives_the_block_that_changes_it"
EVERY = "test_every_transaction_of_a_block_is_reported"
MANY = "test_many_outputs_in_any_collection_are_answered"
THREADS = "test_many_threads_get_their_own_answers"
TRIES = 9
"""One is enough nearly always, also for threads. No other machine's load shall fail the test."""
PLANTED: Mapping[type[Provider], str] = {
    Remembers: OUTLIVES,
    RemembersSpent: OUTLIVES,
    RemembersInBlock: OUTLIVES,
    RemembersBlocks: OUTLIVES,
    OneTransaction: EVERY,
    OneSpent: EVERY,
    ByTransaction: MANY,
    Indexes: MANY,
    Fifty: MANY,
    MixesOutputs: THREADS,
    MixesTransactions: THREADS,
}


def caught(kind: type[Provider]) -> set[str]:
    """Run the contract over a new devnet for each test."""
    devnets: list[Devnet] = []

    def chain() -> OverDevnet[Any]:
        devnets.append(Devnet("cardano:preprod", ManualClock(1_765_000_000.0)))
        return OverDevnet(kind(devnets[-1]), devnets[-1])

    try:
        return failures(FreshnessContract, {"chain": chain})
    finally:
        for each in devnets:
            each.close()


@pytest.mark.parametrize("kind", PLANTED)
def test_what_is_planted_is_caught(kind: type[Provider]) -> None:
    assert any(PLANTED[kind] in caught(kind) for _ in range(TRIES))


def test_what_is_right_is_not_caught() -> None:
    assert caught(Provider) == set()
