"""Single transactions: their status, the result of their scripts, and the consumed outputs."""

from collections.abc import Mapping, Sequence
from typing import Any

from facilitator.cardano.transaction import OutputRef
from facilitator.plugin import (
    ChainUnavailable,
    InBlock,
    InMempool,
    NotFound,
    Point,
    TransactionStatus,
)
from facilitator_blockfrost.abilities import MEMPOOL
from facilitator_blockfrost.client import Client, Missing
from facilitator_blockfrost.fields import Malformed, digest, flag, raw_bytes, rows, table, whole


def read_status(client: Client, transaction_id: str) -> TransactionStatus:
    """Return the status: in a block, else in the mempool of Blockfrost's node, else not found."""
    try:
        row = read_transaction(client, "/txs/{hash}", transaction_id)
    except Missing:
        return _in_mempool(client, transaction_id)
    return InBlock(Point(whole(row, "slot"), digest(row, "block")), whole(row, "block_height"))


def read_transaction(client: Client, path: str, transaction_id: str) -> Mapping[str, Any]:
    """Return what the path says of the transaction. Raises :class:`Missing`.

    Raises :class:`Malformed` for the answer on another one, as of a cache that mixes them up.
    """
    row = table(client.get(path, hash=transaction_id), "a transaction")
    if "hash" in row and digest(row, "hash") != transaction_id:
        raise Malformed("another transaction than the one asked for")
    return row


def _in_mempool(client: Client, transaction_id: str) -> TransactionStatus:
    if MEMPOOL in client.lacking:
        return NotFound()
    try:
        answer = client.get("/mempool/{hash}", hash=transaction_id)
    except Missing:
        return NotFound()
    row = table(table(answer, "a waiting transaction").get("tx"), "a waiting transaction")
    if digest(row, "hash") != transaction_id:
        raise Malformed("another transaction than the one asked for")
    return InMempool()


def scripts_succeeded(client: Client, transaction_id: str) -> bool:
    """Return True if the scripts succeeded, False if the transaction forfeits its collateral."""
    return flag(_known(client, "/txs/{hash}", transaction_id), "valid_contract")


def read_consumed(client: Client, transaction_id: str) -> Sequence[OutputRef]:
    """Return what the transaction took out of the UTxO set: its inputs or its collateral."""
    inputs = rows(_known(client, "/txs/{hash}/utxos", transaction_id).get("inputs"), "inputs")
    has_collateral = any(flag(row, "collateral") for row in inputs)
    forfeits = has_collateral and not scripts_succeeded(client, transaction_id)
    return [
        read_ref(row)
        for row in inputs
        if not flag(row, "reference") and flag(row, "collateral") == forfeits
    ]


def read_ref(row: Mapping[str, Any]) -> OutputRef:
    """Return the reference of a row's output. Raises :class:`Malformed`."""
    return OutputRef(raw_bytes(row, "tx_hash", 32), whole(row, "output_index"))


def _known(client: Client, path: str, transaction_id: str) -> Mapping[str, Any]:
    """Return the answer on a transaction that was in a block before."""
    try:
        return read_transaction(client, path, transaction_id)
    except Missing:
        raise ChainUnavailable("the chain changed while a transaction was looked up") from None
