"""Blocks from Ogmios' JSON, as far as following the chain needs them."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from facilitator.cardano.ogmios.fields import (
    Malformed,
    Row,
    digest,
    inner,
    raw_bytes,
    rows,
    table,
    text,
    whole,
)
from facilitator.cardano.transaction import OutputRef
from facilitator.plugin import Block, Point, Tip

ORIGIN = "origin"
_GENESIS = "genesis"
_NO_PARENT = "00" * 32


class ReadBlock(NamedTuple):
    """A block, and what its transactions did."""

    block: Block
    spenders: Mapping[OutputRef, str]
    """The transaction by each output that it took out of the UTxO set."""


def read_block(value: Any) -> ReadBlock:
    """Return the block. Raises :class:`Malformed`."""
    row = table(value, "a block")
    point = Point(whole(row, "slot") if "slot" in row else 0, digest(row, "id"))
    ancestor = text(row, "ancestor")
    parent = _NO_PARENT if ancestor == _GENESIS else digest(row, "ancestor")
    spenders: dict[OutputRef, str] = {}
    names: list[str] = []
    for transaction in rows(row.get("transactions", []), "transactions"):
        name = digest(transaction, "id")
        spenders |= dict.fromkeys(read_consumed(transaction), name)
        names.append(name)
    block = Block(point, whole(row, "height"), parent, tuple(names), frozenset(spenders))
    return ReadBlock(block, spenders)


def read_point(value: Any) -> Point | None:
    """Return the point; ``None`` for the origin. Raises :class:`Malformed`."""
    if value == ORIGIN:
        return None
    row = table(value, "a point")
    return Point(whole(row, "slot"), digest(row, "id"))


def read_tip(value: Any) -> Tip | None:
    """Return the tip; ``None`` for the origin. Raises :class:`Malformed`."""
    point = read_point(value)
    return None if point is None else Tip(point, whole(value, "height"))


def show_point(point: Point | None) -> object:
    """Return the point as Ogmios takes it."""
    return ORIGIN if point is None else {"slot": point.slot, "id": point.block}


def read_ref(row: Row) -> OutputRef:
    """Return a reference to an output. Raises :class:`Malformed`."""
    return OutputRef(raw_bytes(inner(row, "transaction"), "id", 32), whole(row, "index"))


def read_consumed(transaction: Row) -> Iterator[OutputRef]:
    """Yield what a transaction consumed: its inputs, or its collateral if its scripts failed.

    Raises :class:`Malformed`.
    """
    spends = transaction.get("spends", "inputs")
    if spends not in ("inputs", "collaterals"):
        raise Malformed("a transaction spends something unknown")
    for row in rows(transaction.get(spends, []), spends):
        yield read_ref(row)
    if spends == "inputs":
        for sub in rows(transaction.get("subTransactions", []), "subTransactions"):
            for row in rows(sub.get("inputs", []), "inputs"):
                yield read_ref(row)
