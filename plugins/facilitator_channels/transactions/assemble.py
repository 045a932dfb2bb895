"""Puts the parts of a transaction together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any

import cbor2

from facilitator.cardano.parameters import ProtocolParameters
from facilitator.cardano.rules.needed import is_script_address
from facilitator.cardano.rules.plutus import encode_language_views
from facilitator.cardano.transaction import Language, Output, OutputRef, Value
from facilitator_channels.transactions.plan import Plan, ScriptReference, ScriptWitness
from facilitator_channels.transactions.wire import (
    PLUTUS_V3_SCRIPTS,
    REDEEMERS,
    NewOutput,
    Units,
    Unsigned,
    as_set,
    encode_redeemers,
    refs_as_set,
)


@dataclass(frozen=True, slots=True)
class Parts:
    """A plan with its inputs and the units of its scripts."""

    plan: Plan
    inputs: Mapping[OutputRef, Output]
    change_address: bytes
    units: Sequence[Units] = ()
    """Those of the redeemers, in the ledger's order of inputs."""

    def with_units(self, units: Sequence[Units]) -> "Parts":
        """Return the parts with these units."""
        return replace(self, units=units)


def assemble(
    parts: Parts,
    fee: int,
    change: Value,
    collateral: Mapping[OutputRef, Output],
    parameters: ProtocolParameters,
) -> Unsigned:
    """Return the transaction with that fee and change; amounts are in lovelace."""
    plan = parts.plan
    outputs = (*plan.outputs, NewOutput(parts.change_address, change))
    body: dict[int, Any] = {
        0: refs_as_set(parts.inputs),
        1: [output.primitive() for output in outputs],
        2: fee,
    }
    witnesses: dict[int, bytes] = {}
    if plan.valid_until is not None:
        body[3] = plan.valid_until
    if plan.valid_from is not None:
        body[8] = plan.valid_from
    if plan.redeemers:
        redeemers = encode_redeemers(parts.inputs, plan.redeemers, parts.units)
        views = encode_language_views({Language.PLUTUS_V3}, parameters)
        body[11] = blake2b(redeemers + views, digest_size=32).digest()
        witnesses[REDEEMERS] = redeemers
        if collateral:
            body |= _collateral(collateral, fee, parts.change_address, parameters)
    if plan.signers:
        body[14] = as_set(sorted(plan.signers))
    match plan.script:
        case ScriptReference(ref, _):
            body[18] = refs_as_set([ref])
        case ScriptWitness(code):
            witnesses[PLUTUS_V3_SCRIPTS] = cbor2.dumps(as_set([code]))
    owners = {
        output.address[1:29]
        for output in (*parts.inputs.values(), *collateral.values())
        if not is_script_address(output.address)
    }
    return Unsigned(cbor2.dumps(body), witnesses, frozenset(owners | plan.signers))


def _collateral(
    collateral: Mapping[OutputRef, Output],
    fee: int,
    address: bytes,
    parameters: ProtocolParameters,
) -> dict[int, Any]:
    """Return the fields of collateral: what it is beyond the share of the fee comes back.

    All of it is at stake if what is left is too little for an output.
    """
    held = sum(output.value.lovelace for output in collateral.values())
    total = -(-fee * parameters.collateral_percentage // 100)
    back = NewOutput(address, Value(held - total, {}))
    fields: dict[int, Any] = {13: refs_as_set(collateral), 17: held}
    if back.value.lovelace >= back.minimum(parameters.coins_per_utxo_byte):
        fields |= {16: back.primitive(), 17: total}
    return fields
