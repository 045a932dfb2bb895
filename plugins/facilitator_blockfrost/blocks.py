"""Following the chain: the tip, and the blocks after a point with their contents."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from facilitator.cardano.codec.consumed import read_consumed_refs
from facilitator.cardano.transaction import OutputRef
from facilitator.plugin import Block, ChainUnavailable, Point, PointNotFound, ProviderBehind, Tip
from facilitator_blockfrost.abilities import BLOCK_CBOR
from facilitator_blockfrost.client import Client, Missing, NoRoute
from facilitator_blockfrost.fields import Malformed, digest, rows, table, whole
from facilitator_blockfrost.genesis import check_time
from facilitator_blockfrost.transactions import read_consumed, scripts_succeeded

BATCH = 20
"""Blocks that one call reads; a block that cannot be read costs few others."""

_PAGE = 100
_NEXT = "/blocks/{hash_or_number}/next"
_ADVICE = "upgrade the server, or use another one"
_log = logging.getLogger(__name__)


def read_tip(client: Client, network: str) -> Tip:
    """Return the newest block, if it is of the network. Raises :class:`ChainUnavailable`."""
    row = _newest(client)
    check_time(network, row)
    return Tip(_point(row), whole(row, "height"))


def _newest(client: Client) -> Mapping[str, Any]:
    try:
        return table(client.get("/blocks/latest"), "a block")
    except Missing:
        raise ChainUnavailable("Blockfrost has no block yet") from None


def read_blocks_after(client: Client, point: Point) -> Sequence[Block]:
    """Return up to :data:`BATCH` blocks that follow the point, oldest first.

    Raises :class:`PointNotFound`, and :class:`ChainUnavailable` when the first of them cannot be
    read.
    """
    blocks: list[Block] = []
    try:
        for row in _linked(_rows_after(client, point), point.block):
            blocks.append(_block(client, row))  # noqa: PERF401 -- keeps those read before a failure
    except ChainUnavailable as error:
        if not blocks:
            raise
        _log.warning("read %d new blocks only: %s", len(blocks), error)
    return blocks


def _rows_after(client: Client, point: Point) -> Sequence[Mapping[str, Any]]:
    ask = partial(
        client.get,
        f"{_NEXT}?count={{count}}",
        hash_or_number=point.block,
        count=BATCH,
    )
    try:
        return rows(ask(), "blocks")
    except NoRoute:
        lacks = f"Blockfrost has no {_NEXT}"
        raise ChainUnavailable(lacks, f"{lacks}: {_ADVICE}") from None
    except Missing:
        pass
    # Several machines answer for one address, and one that lags does not have the block.
    newest = _point(_newest(client))
    if newest.slot < point.slot:
        raise ProviderBehind(
            f"Blockfrost lags: its newest block is of slot {newest.slot}, before {point.slot}"
        )
    try:
        return rows(ask(), "blocks")
    except Missing:
        pass
    try:
        client.get("/blocks/{hash_or_number}", hash_or_number=point.block)
    except Missing:
        raise PointNotFound(f"block {point.block} at slot {point.slot} is not there") from None
    lacks = f"Blockfrost has block {point.block}, but not {_NEXT}"
    raise ChainUnavailable(lacks, f"{lacks}: {_ADVICE}")


def _linked(found: Sequence[Mapping[str, Any]], parent: str) -> Iterator[Mapping[str, Any]]:
    """Yield the blocks while each follows the one before; the first may have another parent."""
    for number, row in enumerate(found):
        if number and digest(row, "previous_block") != parent:
            return
        parent = digest(row, "hash")
        yield row


def _point(row: Mapping[str, Any]) -> Point:
    return Point(whole(row, "slot"), digest(row, "hash"))


def _block(client: Client, row: Mapping[str, Any]) -> Block:
    point, count = _point(row), whole(row, "tx_count")
    transactions = _transactions(client, point.block, count) if count else {}
    spent = [ref for refs in transactions.values() for ref in refs]
    parent = digest(row, "previous_block")
    return Block(point, whole(row, "height"), parent, tuple(transactions), frozenset(spent))


def _transactions(client: Client, block: str, count: int) -> dict[str, Sequence[OutputRef]]:
    """Return the ids of a block's transactions, in order, with what each consumed."""
    found = _with_cbor(client, block, count)
    ids = list(found)
    if len(ids) < count:  # a self-hosted Blockfrost may keep no CBOR
        ids = [digest({"id": each}, "id") for each in _pages(client, block, "txs", count)]
    if len(set(ids)) != count:
        raise Malformed(f"a block of {count} transactions with {len(set(ids))}")
    return {each: _consumed(client, each, found.get(each, {}).get("cbor")) for each in ids}


def _with_cbor(client: Client, block: str, count: int) -> Mapping[str, Mapping[str, Any]]:
    """Return a block's transactions by id, with their CBOR; none where the server has no CBOR."""
    if BLOCK_CBOR in client.lacking:
        return {}
    try:
        found = rows(_read_pages(client, block, "txs/cbor", count), "transactions")
    except Missing:  # the block may be gone as well: the ids that are asked for next show that
        return {}
    return {digest(row, "tx_hash"): row for row in found}


def _pages(client: Client, block: str, what: str, count: int) -> list[Any]:
    try:
        return _read_pages(client, block, what, count)
    except Missing:
        raise ChainUnavailable("the chain changed while a block was read") from None


def _read_pages(client: Client, block: str, what: str, count: int) -> list[Any]:
    items: list[Any] = []
    for page in range(1, 2 + (count - 1) // _PAGE):
        path = f"/blocks/{{hash_or_number}}/{what}?count={_PAGE}&page={page}"
        answer = client.get(path, hash_or_number=block)
        if not isinstance(answer, list):
            raise Malformed("transactions of a block are no list")
        if not answer:
            break
        items += answer
    return items


def _consumed(client: Client, transaction_id: str, cbor: Any) -> Sequence[OutputRef]:
    """Return what the transaction took out of the UTxO set.

    A further call reads it when the CBOR is missing or unreadable, since no transaction on the
    chain may stop the follower. Raises :class:`Malformed` if the answer has nothing: a database
    that keeps no inputs would make all outputs look unspent.
    """
    try:
        return read_consumed_refs(
            bytes.fromhex(cbor), partial(scripts_succeeded, client, transaction_id)
        )
    except ChainUnavailable:
        raise
    except Exception:  # cbor2 raises more than it says of itself
        _log.debug("the CBOR of %s cannot be read", transaction_id)
        if taken := read_consumed(client, transaction_id):
            return taken
        raise Malformed("a transaction that took nothing") from None
