"""Spenders of outputs. Koios says only that an output is spent.

The spender is known from the blocks that were followed, which costs one question. Else it is looked
for among the next transactions at the output's address, which costs four. One that is none of
these is not found, so at an address where much happens an old spender stays unknown.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from facilitator.cardano.addresses.address import format_address
from facilitator.cardano.cbor import DecodeError
from facilitator.cardano.codec.dijkstra.any_era import decode_from_chain
from facilitator.cardano.effects import consumed_by, produced_by
from facilitator.cardano.transaction import OutputRef, Transaction
from facilitator.plugin import InBlock, Spender, Spent, SpentBy, Unknown
from facilitator_koios.batches import MAX_ITEMS, batches
from facilitator_koios.blocks import Blocks, read_place
from facilitator_koios.client import Client
from facilitator_koios.fields import Malformed, Row, digest, flag, raw_bytes, rows
from facilitator_koios.outputs import read_statuses, take_question

_NOT_INDEXED = Unknown("Koios does not have the transaction that made it, or not yet")


class _Found(NamedTuple):
    transaction: Transaction
    where: InBlock
    succeeded: bool


def find_spender(client: Client, blocks: Blocks, ref: OutputRef) -> Spender:
    """Return who spent the output. Raises :class:`ChainUnavailable`."""
    if (known := blocks.spender(ref)) is not None:
        found = _spent_by(ref, _transactions(client, [known]).values())
        if found is not None:
            return found
    status = read_statuses(client, [ref])[ref]
    return _search(client, ref) if isinstance(status, Spent) else status


def _search(client: Client, ref: OutputRef) -> Spender:
    """Look for the spender among as many transactions as one question may name."""
    maker_id = ref.transaction_id.hex()
    maker = _transactions(client, [maker_id]).get(maker_id)
    if maker is None:
        return _NOT_INDEXED
    made = dict(produced_by(maker.transaction, succeeded=maker.succeeded))
    if ref not in made:
        return Unknown("its transaction did not make an output of that index")
    question = {
        "_addresses": [format_address(made[ref].address)],
        "_after_block_height": maker.where.height,
    }
    take_question()
    later = client.ask(
        "/address_txs", question, select="tx_hash", order="block_height.asc", limit=MAX_ITEMS
    )
    ids = [digest(row, "tx_hash") for row in rows(later, "transactions")]
    found = _spent_by(
        ref, _transactions(client, [each for each in ids if each != maker_id]).values()
    )
    return found or Unknown(
        "Koios does not say who spent it, and it is none of the next transactions at its address"
    )


def _spent_by(ref: OutputRef, transactions: Iterable[_Found]) -> SpentBy | None:
    """Return the one that spent the output, if one did."""
    for transaction, where, succeeded in transactions:
        inputs = consumed_by(transaction, succeeded=succeeded)
        if ref in inputs:
            outputs = produced_by(transaction, succeeded=succeeded)
            return SpentBy(transaction.id.hex(), where, inputs, outputs)
    return None


def _transactions(client: Client, ids: list[str]) -> Mapping[str, _Found]:
    """Return those of the first transactions that Koios has, by id: as many as a question names."""
    for _, question in batches(client, "_tx_hashes", ids):
        take_question()
        found = rows(client.ask("/tx_cbor", question), "transactions")
        return {digest(row, "tx_hash"): each for row in found if (each := _read(row)) is not None}
    return {}


def _read(row: Row) -> _Found | None:
    """Return the transaction of the row; ``None`` without bytes that can be decoded here."""
    if row.get("cbor") is None:
        return None
    try:
        transaction = decode_from_chain(raw_bytes(row, "cbor"))
    except DecodeError:
        return None
    if transaction.id.hex() != digest(row, "tx_hash"):
        raise Malformed("a transaction of another id")
    failed = row.get("valid_contract") is not None and not flag(row, "valid_contract")
    return _Found(transaction, read_place(row), transaction.is_valid and not failed)
