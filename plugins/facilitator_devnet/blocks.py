"""The contents of blocks."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from facilitator.cardano.transaction import Output, OutputRef, Transaction
from facilitator.plugin import Block
from facilitator_devnet.effects import fee_of, made_by
from facilitator_devnet.genesis import MAX_BLOCK_BODY_SIZE
from facilitator_devnet.ledger import Ledger


class Totals(NamedTuple):
    """Sums over the blocks from genesis up to a block; amounts in lovelace."""

    transactions: int = 0
    output: int = 0
    fees: int = 0


class Made(NamedTuple):
    """A block with its contents."""

    block: Block
    transactions: Sequence[Transaction]
    totals: Totals
    """The sums up to and including this block."""
    undo: Ledger
    """The changes that undo it."""


def split(waiting: Sequence[Transaction]) -> tuple[Sequence[Transaction], Sequence[Transaction]]:
    """Return the first transactions, as many as fit in a block, and the others."""
    size = 0
    for count, transaction in enumerate(waiting):
        size += transaction.size
        if size > MAX_BLOCK_BODY_SIZE:
            return waiting[:count], waiting[count:]
    return waiting, ()


def add_up(
    totals: Totals, transactions: Sequence[Transaction], find: Callable[[OutputRef], Output]
) -> Totals:
    """Return the totals with those of a block's transactions; ``find`` returns what they spend."""
    made = [output for each in transactions for output in made_by(each).values()]
    return Totals(
        totals.transactions + len(transactions),
        totals.output + sum(output.value.lovelace for output in made),
        totals.fees + sum(fee_of(each, find) for each in transactions),
    )
