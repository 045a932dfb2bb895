"""Spenders of outputs, by the newest blocks.

The index has the spender's id and its block. The block itself is asked for again, by chain
synchronisation, so that no outputs need to be kept. A spender in an older block is not known.
"""

from collections.abc import Iterator
from typing import Any

from facilitator.cardano.ogmios.fields import Row, digest, inner, rows, text
from facilitator.cardano.transaction import Output, OutputRef
from facilitator.plugin import InBlock, Point, Spender, Spent, SpentBy, Unknown, Unspent
from facilitator_ogmios.blocks import read_consumed, show_point
from facilitator_ogmios.client import Client, Refused, Session
from facilitator_ogmios.index import Index
from facilitator_ogmios.outputs import read_statuses, take_question
from facilitator_ogmios.values import read_status

_NO_INTERSECTION = 1000
_OLDER = Unknown("it was never made, or an older block spent it than Ogmios' index has")
_ROLLED_BACK = Unknown("the block that spent it is being rolled back")


def find_spender(client: Client, index: Index, ref: OutputRef) -> Spender:
    """Return who spent the output. Raises :class:`ChainUnavailable`.

    ``index`` has the blocks up to the node's tip.
    """
    by = index.spender(ref)
    if by is None:
        status = read_statuses(client, index, [ref])[ref]
        if not isinstance(status, Spent):
            return status
        if status.by is None:
            return _OLDER
        by = status.by
    if (place := index.place(by)) is None:
        return _ROLLED_BACK
    take_question()
    return client.session(lambda session: _read(session, ref, by, *place))


def _read(
    session: Session, ref: OutputRef, by: str, where: InBlock, parent: Point | None
) -> Spender:
    """Have the node show the block after ``parent`` again; return what the transaction did."""
    try:
        session.ask("findIntersection", _nothing, points=[show_point(parent)])
    except Refused as error:
        if error.code == _NO_INTERSECTION:
            return _ROLLED_BACK
        raise
    session.ask("nextBlock", _nothing)  # it says first that it went back to that block
    return session.ask("nextBlock", lambda event: _spent_by(event, ref, by, where))


def _nothing(_: Any) -> None:
    """Take nothing out of an answer."""


def _spent_by(event: Any, ref: OutputRef, by: str, where: InBlock) -> Spender:
    if text(event, "direction") != "forward":
        return _ROLLED_BACK
    block = inner(event, "block")
    for row in rows(block.get("transactions", []), "transactions"):
        if digest(row, "id") == by:
            inputs = tuple(read_consumed(row))
            outputs = _outputs(row)
            if ref not in inputs:
                return _ROLLED_BACK
            if outputs is None:
                return Unknown("the node does not show a script of the spender's")
            return SpentBy(by, where, inputs, outputs)
    return _ROLLED_BACK


def _outputs(transaction: Row) -> tuple[tuple[OutputRef, Output], ...] | None:
    """Return what the transaction made, by index; ``None`` if an output cannot be known."""
    found = [(ref, read_status(row)) for ref, row in _made(transaction)]
    known = tuple((ref, each.output) for ref, each in found if isinstance(each, Unspent))
    return known if len(known) == len(found) else None


def _made(transaction: Row) -> Iterator[tuple[OutputRef, Row]]:
    """Yield the outputs; or the collateral return, whose index follows theirs."""
    if transaction.get("spends", "inputs") == "inputs":
        yield from _numbered(transaction)
        for sub in rows(transaction.get("subTransactions", []), "subTransactions"):
            yield from _numbered(sub)
    elif transaction.get("collateralReturn") is not None:
        count = len(rows(transaction.get("outputs", []), "outputs"))
        ref = OutputRef(bytes.fromhex(digest(transaction, "id")), count)
        yield ref, inner(transaction, "collateralReturn")


def _numbered(transaction: Row) -> Iterator[tuple[OutputRef, Row]]:
    name = bytes.fromhex(digest(transaction, "id"))
    for index, row in enumerate(rows(transaction.get("outputs", []), "outputs")):
        yield OutputRef(name, index), row
