"""Blocks, transactions, outputs and parameters in Ogmios' form (cardano.json of version 6.14)."""

from fractions import Fraction
from typing import Any

from facilitator.cardano.addresses.address import format_address
from facilitator.cardano.parameters import ProtocolParameters
from facilitator.cardano.transaction import Assets, Output, OutputRef, Script, Transaction
from facilitator.plugin import Point, Tip
from facilitator_devnet.blockfrost.values import address_text
from facilitator_devnet.blocks import Made
from facilitator_devnet.encoding import POLICY_BYTES
from facilitator_devnet.genesis import MAX_BLOCK_BODY_SIZE, PARAMETERS
from facilitator_devnet.protocol import era_name

ORIGIN = "origin"
LANGUAGES = ("native", "plutus:v1", "plutus:v2", "plutus:v3")
_NO_KEY = "00" * 32
_ISSUER = {
    "verificationKey": _NO_KEY,
    "vrfVerificationKey": _NO_KEY,
    "operationalCertificate": {"count": 0, "kes": {"period": 0, "verificationKey": _NO_KEY}},
    "leaderValue": {},
}
"""The devnet signs no blocks."""
UNUSED: dict[str, Any] = {
    "minUtxoDepositConstant": {"ada": {"lovelace": 0}},
    "maxBlockHeaderSize": {"bytes": 1100},
    "stakePoolPledgeInfluence": "3/10",
    "monetaryExpansion": "3/1000",
    "treasuryExpansion": "1/5",
    "desiredNumberOfStakePools": 500,
    "maxExecutionUnitsPerBlock": {"memory": 72_000_000, "cpu": 20_000_000_000},
}
"""Values of preprod, on which nothing here depends."""


def show_point(point: Point) -> dict[str, Any]:
    """Return the point."""
    return {"slot": point.slot, "id": point.block}


def show_tip(tip: Tip) -> dict[str, Any]:
    """Return the tip."""
    return {**show_point(tip.point), "height": tip.height}


def show_block(made: Made, version: int) -> dict[str, Any]:
    """Return the block, made under that major protocol version, with its transactions."""
    block = made.block
    return {
        "type": "praos",
        "era": era_name(version).lower(),
        "id": block.point.block,
        "ancestor": block.parent if block.height else "genesis",
        "height": block.height,
        "size": {"bytes": sum(each.size for each in made.transactions)},
        "slot": block.point.slot,
        "transactions": [show_transaction(each) for each in made.transactions],
        "protocol": {"version": {"major": version, "minor": PARAMETERS.protocol_minor}},
        "issuer": _ISSUER,
    }


def show_transaction(transaction: Transaction) -> dict[str, Any]:
    """Return the transaction, as far as payments have parts, with its bytes."""
    body = transaction.body
    interval = {"invalidBefore": body.invalid_before, "invalidAfter": body.invalid_hereafter}
    shown: dict[str, Any] = {
        "id": transaction.id.hex(),
        "spends": "inputs" if transaction.is_valid else "collaterals",
        "inputs": [show_ref(ref) for ref in body.inputs],
        "outputs": [show_output(output) for output in body.outputs],
        "fee": show_lovelace(body.fee),
        "validityInterval": {name: slot for name, slot in interval.items() if slot is not None},
        "signatories": [
            {"key": each.vkey.hex(), "signature": each.signature.hex()}
            for each in transaction.witnesses.vkeys
        ],
        "cbor": transaction.raw.hex(),
    }
    if body.collateral:
        shown["collaterals"] = [show_ref(ref) for ref in body.collateral]
    if body.reference_inputs:
        shown["references"] = [show_ref(ref) for ref in body.reference_inputs]
    if body.collateral_return is not None:
        shown["collateralReturn"] = show_output(body.collateral_return)
    if body.mint:
        shown["mint"] = _assets(body.mint)
    if body.withdrawals:
        shown["withdrawals"] = {
            format_address(address): show_lovelace(amount)
            for address, amount in body.withdrawals.items()
        }
    return shown


def show_ref(ref: OutputRef) -> dict[str, Any]:
    """Return the reference to an output."""
    return {"transaction": {"id": ref.transaction_id.hex()}, "index": ref.index}


def show_output(output: Output) -> dict[str, Any]:
    """Return the output."""
    shown: dict[str, Any] = {
        "address": address_text(output.address),
        "value": {**show_lovelace(output.value.lovelace), **_assets(output.value.assets)},
    }
    if output.datum_hash is not None:
        shown["datumHash"] = output.datum_hash.hex()
    if output.datum is not None:
        shown["datum"] = output.datum.hex()
    if output.script is not None:
        shown["script"] = _script(output.script)
    return shown


def show_lovelace(amount: int) -> dict[str, Any]:
    """Return an amount of lovelace."""
    return {"ada": {"lovelace": amount}}


def show_parameters(parameters: ProtocolParameters) -> dict[str, Any]:
    """Return the protocol parameters."""
    models = {LANGUAGES[key + 1]: list(costs) for key, costs in parameters.cost_models.items()}
    return {
        **UNUSED,
        "minFeeCoefficient": parameters.min_fee_a,
        "minFeeConstant": show_lovelace(parameters.min_fee_b),
        "minFeeReferenceScripts": {
            "range": 25_600,
            "base": float(parameters.min_fee_ref_script_cost_per_byte),
            "multiplier": 1.2,
        },
        "minUtxoDepositCoefficient": parameters.coins_per_utxo_byte,
        "maxBlockBodySize": {"bytes": MAX_BLOCK_BODY_SIZE},
        "maxTransactionSize": {"bytes": parameters.max_tx_size},
        "maxValueSize": {"bytes": parameters.max_value_size},
        "stakeCredentialDeposit": show_lovelace(parameters.key_deposit),
        "stakePoolDeposit": show_lovelace(parameters.pool_deposit),
        "stakePoolRetirementEpochBound": parameters.max_epoch,
        "minStakePoolCost": show_lovelace(parameters.min_pool_cost),
        "collateralPercentage": parameters.collateral_percentage,
        "maxCollateralInputs": parameters.max_collateral_inputs,
        "plutusCostModels": models,
        "scriptExecutionPrices": {
            "memory": _ratio(parameters.price_memory),
            "cpu": _ratio(parameters.price_steps),
        },
        "maxExecutionUnitsPerTransaction": {
            "memory": parameters.max_tx_memory,
            "cpu": parameters.max_tx_steps,
        },
        "maxReferenceScriptsSize": {"bytes": parameters.max_ref_script_size_per_tx},
        "governanceActionDeposit": show_lovelace(parameters.gov_action_deposit),
        "delegateRepresentativeDeposit": show_lovelace(parameters.drep_deposit),
        "version": {"major": parameters.protocol_major, "minor": parameters.protocol_minor},
    }


def _assets(assets: Assets) -> dict[str, dict[str, int]]:
    shown: dict[str, dict[str, int]] = {}
    for asset, quantity in sorted(assets.items()):
        policy, name = asset[:POLICY_BYTES].hex(), asset[POLICY_BYTES:].hex()
        shown.setdefault(policy, {})[name] = quantity
    return shown


def _script(script: Script) -> dict[str, Any]:
    """Return the script; a native one with its bytes alone in ``cbor``, which wallets can read."""
    shown: dict[str, Any] = {"language": LANGUAGES[script.language], "cbor": script.body.hex()}
    if not script.language:
        shown["json"] = {"clause": "any", "from": []}
    return shown


def _ratio(value: Fraction) -> str:
    return f"{value.numerator}/{value.denominator}"
