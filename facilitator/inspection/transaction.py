"""The contents and effects of a transaction as data."""

from collections.abc import Mapping
from typing import Any

from facilitator.cardano.addresses.address import format_address
from facilitator.cardano.parameters import ProtocolParameters
from facilitator.cardano.rules.fees import (
    compute_base_fee,
    compute_reference_script_fee,
    count_reference_script_bytes,
)
from facilitator.cardano.rules.outputs import compute_minimum_lovelace
from facilitator.cardano.slots import EraSummary
from facilitator.cardano.transaction import Body, DijkstraFields, Output, OutputRef, Transaction
from facilitator.inspection import values
from facilitator.inspection.ledger import Facts
from facilitator.inspection.metadata import metadata
from facilitator.inspection.signers import signers
from facilitator.inspection.words import (
    certificate_in_words,
    credential_in_words,
    proposal_in_words,
    vote_in_words,
)
from facilitator.roles.chain import OutputStatus, Spent, Unspent


def describe(tx: Transaction, facts: Facts, eras: EraSummary) -> dict[str, Any]:
    """Return the transaction with its inputs' outputs, as far as known. Amounts in lovelace."""
    body = tx.body
    return {
        "id": tx.id.hex(),
        "bytes": len(tx.raw),
        "size": tx.size,
        "markedValid": tx.is_valid,
        "inputs": _refs(body.inputs, facts.outputs),
        "referenceInputs": _refs(body.reference_inputs, facts.outputs),
        "collateral": _refs(body.collateral, facts.outputs),
        "outputs": [_created(output, facts.parameters) for output in body.outputs],
        "collateralReturn": _created(body.collateral_return, facts.parameters)
        if body.collateral_return
        else None,
        "fee": body.fee,
        "minimumFee": _minimum_fee(tx, facts),
        "validFrom": _bound(body.invalid_before, eras),
        "validBefore": _bound(body.invalid_hereafter, eras),
        "signers": signers(tx, facts.utxo),
        **_further(body),
        "auxiliaryDataBytes": len(tx.auxiliary_data) if tx.auxiliary_data is not None else None,
        "metadata": metadata(tx.auxiliary_data),
        "scripts": [
            {"hash": script.hash.hex(), "language": script.language.name.lower()}
            for script in (tx.witnesses.scripts or {}).values()
        ],
        "redeemers": len(tx.witnesses.redeemers),
    }


def _further(body: Body) -> dict[str, Any]:
    return {
        "mint": values.assets(body.mint or {}),
        "withdrawals": [
            {"address": format_address(address), "lovelace": lovelace}
            for address, lovelace in (body.withdrawals or {}).items()
        ],
        "certificates": [certificate_in_words(certificate) for certificate in body.certificates],
        "votes": [vote_in_words(vote) for vote in body.votes],
        "proposals": [proposal_in_words(proposal) for proposal in body.proposals],
        "donation": body.donation,
        **_of_dijkstra(body.dijkstra or DijkstraFields()),
    }


def _of_dijkstra(new: DijkstraFields) -> dict[str, Any]:
    return {
        "guards": [credential_in_words(guard) for guard in new.guards],
        "directDeposits": [
            {"address": format_address(address), "lovelace": lovelace}
            for address, lovelace in new.direct_deposits.items()
        ],
        "subTransactions": [sub.id.hex() for sub in new.subs],
    }


def _refs(
    refs: tuple[OutputRef, ...], known: Mapping[OutputRef, OutputStatus]
) -> list[dict[str, Any]]:
    return [{"ref": str(ref), **_status(known.get(ref))} for ref in refs]


def _status(status: OutputStatus | None) -> dict[str, Any]:
    if isinstance(status, Unspent):
        return {"status": "unspent", **values.output(status.output)}
    if isinstance(status, Spent):
        return {"status": "spent or never made", "spentBy": status.by}
    return {"status": "unknown", "why": status.why if status else None}


def _created(output: Output, parameters: ProtocolParameters | None) -> dict[str, Any]:
    minimum = (
        compute_minimum_lovelace(output, parameters.coins_per_utxo_byte) if parameters else None
    )
    return {**values.output(output), "minimumLovelace": minimum}


def _minimum_fee(tx: Transaction, facts: Facts) -> int | None:
    """Return the fee with the price of the reference scripts whose outputs are known."""
    if facts.parameters is None:
        return None
    utxo = facts.utxo
    refs = dict.fromkeys((*tx.body.inputs, *tx.body.reference_inputs))
    size = count_reference_script_bytes(utxo[ref] for ref in refs if ref in utxo)
    price = facts.parameters.min_fee_ref_script_cost_per_byte
    return compute_base_fee(tx, facts.parameters) + compute_reference_script_fee(size, price)


def _bound(slot: int | None, eras: EraSummary) -> dict[str, Any] | None:
    return None if slot is None else {"slot": slot, "time": values.slot_time(slot, eras)}
