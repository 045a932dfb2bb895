"""Transactions in blocks: ``/txs/{hash}…``."""

from collections.abc import Iterator
from typing import Any

from facilitator.cardano.transaction import OutputRef, Transaction
from facilitator_devnet.blockfrost.data import metadata_json
from facilitator_devnet.blockfrost.errors import not_found
from facilitator_devnet.blockfrost.request import Request
from facilitator_devnet.blockfrost.values import amount, output_fields, reference, text, total
from facilitator_devnet.blockfrost.view import View
from facilitator_devnet.effects import fee_of, made_by
from facilitator_devnet.ledger import DELEGATES_STAKE, REGISTERS_POOL

STAKE_REGISTRATIONS = frozenset({0, 1, 7, 8, 11, 12, 13})
RETIRES_POOL = 4


def transaction(view: View, request: Request) -> dict[str, Any]:
    """Answer ``/txs/{hash}``."""
    entry = view.entry(request.params["hash"])
    block = view.chain.blocks[entry.place.height].block
    return {
        "hash": request.params["hash"],
        "block": block.point.block,
        "block_height": block.height,
        "block_time": view.time(block.point.slot),
        "slot": block.point.slot,
        "index": entry.place.position,
        **summary(view, entry.transaction),
        # not those of the transaction, which are unknown for outputs that were put there singly
        "output_amount": amount(total(output.value for output in entry.outputs.values())),
        "treasury_donation": str(entry.transaction.body.donation),
    }


def utxos(view: View, request: Request) -> dict[str, Any]:
    """Answer ``/txs/{hash}/utxos``."""
    name = request.params["hash"]
    entry = view.entry(name)
    transaction_id = bytes.fromhex(name)
    outputs = [
        {
            **output_fields(output),
            "output_index": number,
            "collateral": False,
            "consumed_by_tx": view.consumer(OutputRef(transaction_id, number)),
        }
        for number, output in sorted(entry.outputs.items())
    ]
    body = entry.transaction.body
    if body.collateral_return is not None:
        # Also that of a transaction that succeeds, which does not make it; as at Blockfrost.
        outputs.append(
            {
                **output_fields(body.collateral_return),
                "output_index": len(body.outputs),
                "collateral": True,
                "consumed_by_tx": None,
            }
        )
    return {"hash": name, "inputs": _inputs(view, entry.transaction), "outputs": outputs}


def cbor(view: View, request: Request) -> dict[str, str]:
    """Answer ``/txs/{hash}/cbor``."""
    raw = view.cbor(view.entry(request.params["hash"]))
    if not raw:
        raise not_found()
    return {"cbor": raw.hex()}


def metadata(view: View, request: Request) -> list[dict[str, Any]]:
    """Answer ``/txs/{hash}/metadata``."""
    transaction = view.entry(request.params["hash"]).transaction
    return [
        {"label": label, "json_metadata": value}
        for label, value in metadata_json(transaction.auxiliary_data)
    ]


def summary(view: View, transaction: Transaction) -> dict[str, Any]:
    """Return the fields of a transaction in a block or in the mempool."""
    body = transaction.body
    kinds = [certificate.kind for certificate in body.certificates]
    return {
        "output_amount": amount(total(output.value for output in made_by(transaction).values())),
        "fees": str(fee_of(transaction, view.output)),
        "deposit": str(_deposit(view, transaction)),
        "size": transaction.size,
        "invalid_before": text(body.invalid_before),
        "invalid_hereafter": text(body.invalid_hereafter),
        "utxo_count": len(body.inputs) + len(body.outputs),
        "withdrawal_count": len(body.withdrawals or ()),
        "mir_cert_count": 0,
        "delegation_count": sum(kind in DELEGATES_STAKE for kind in kinds),
        "stake_cert_count": sum(kind in STAKE_REGISTRATIONS for kind in kinds),
        "pool_update_count": kinds.count(REGISTERS_POOL),
        "pool_retire_count": kinds.count(RETIRES_POOL),
        "asset_mint_or_burn_count": len(body.mint or ()),
        "redeemer_count": len(transaction.witnesses.redeemers),
        "valid_contract": transaction.is_valid,
    }


def _deposit(view: View, transaction: Transaction) -> int:
    """Return the deposits: the rest of the inputs, negative for a refund."""
    body = transaction.body
    if not body.inputs or not transaction.is_valid:
        return 0
    given = sum(view.output(ref).value.lovelace for ref in body.inputs)
    given += sum((body.withdrawals or {}).values())
    made = sum(output.value.lovelace for output in body.outputs)
    return given - made - body.fee - body.donation


def _inputs(view: View, transaction: Transaction) -> list[dict[str, Any]]:
    return [
        {**output_fields(view.output(ref)), **reference(ref), **flags}
        for ref, flags in inputs(transaction)
    ]


def inputs(transaction: Transaction) -> Iterator[tuple[OutputRef, dict[str, bool]]]:
    """Yield every output that the transaction refers to, and the kind of reference."""
    body = transaction.body
    for refs, collateral, is_reference in (
        (body.inputs, False, False),
        (body.collateral, True, False),
        (body.reference_inputs, False, True),
    ):
        for ref in refs:
            yield ref, {"collateral": collateral, "reference": is_reference}
