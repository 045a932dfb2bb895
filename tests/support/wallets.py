"""The corpus of transactions by real wallets' libraries, as the project's own values.

``tests/data/wallets.jsonl.gz`` is read unless ``FACILITATOR_WALLETS`` names another file of the
same form (one JSON case a line, gzipped).
"""

import gzip
import json
import os
from collections.abc import Mapping
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import cbor2

from facilitator.cardano.addresses.address import parse_address
from facilitator.cardano.codec.transaction_decoder import decode_output
from facilitator.cardano.output_ref import parse_output_ref
from facilitator.cardano.parameters import ProtocolParameters
from facilitator.cardano.slots import KNOWN_ERAS
from facilitator.cardano.state import Account
from facilitator.cardano.transaction import Credential, Output, OutputRef

DATA = Path(__file__).parent.parent / "data"


@cache
def cases() -> list[dict[str, Any]]:
    """Every case of the corpus."""
    path = os.environ.get("FACILITATOR_WALLETS", DATA / "wallets.jsonl.gz")
    with gzip.open(path, "rt") as lines:
        return [json.loads(line) for line in lines]


@cache
def parameters(name: str) -> ProtocolParameters:
    """The protocol parameters that cases name; no case runs Plutus, so there are no cost models."""
    given = json.loads((DATA / "wallet_parameters.json").read_text())[name]
    return ProtocolParameters(
        min_fee_a=given["minFeeA"],
        min_fee_b=given["minFeeB"],
        coins_per_utxo_byte=given["coinsPerUtxoByte"],
        max_tx_size=given["maxTxSize"],
        max_value_size=given["maxValSize"],
        key_deposit=given["keyDeposit"],
        pool_deposit=given["poolDeposit"],
        min_pool_cost=given["minPoolCost"],
        drep_deposit=given["drepDeposit"],
        gov_action_deposit=given["govActionDeposit"],
        collateral_percentage=given["collateralPercentage"],
        max_collateral_inputs=given["maxCollateralInputs"],
        min_fee_ref_script_cost_per_byte=Fraction(given["minFeeRefScriptCostPerByte"]),
        price_memory=Fraction(str(given["priceMem"])),
        price_steps=Fraction(str(given["priceStep"])),
        max_tx_memory=given["maxTxExMem"],
        max_tx_steps=given["maxTxExSteps"],
        protocol_major=given["protocolMajor"],
        protocol_minor=given["protocolMinor"],
        cost_models={},
    )


def now(case: Mapping[str, Any]) -> float:
    """The Unix time in seconds at which the case's verdict holds."""
    return KNOWN_ERAS[case["network"]].start_ms(case["now_slot"]) / 1000


def utxos(case: Mapping[str, Any]) -> dict[OutputRef, Output]:
    """Every output that exists as the case is judged."""
    return {parse_output_ref(ref): _output(given) for ref, given in case["utxos"].items()}


def _output(given: Mapping[str, Any]) -> Output:
    assets: dict[bytes, dict[bytes, int]] = {}
    for name, quantity in given["assets"].items():
        policy, _, asset = name.partition(".")
        assets.setdefault(bytes.fromhex(policy), {})[bytes.fromhex(asset)] = int(quantity)
    lovelace = int(given["lovelace"])
    value = [lovelace, assets] if assets else lovelace
    output: dict[int, Any] = {0: parse_address(given["address"]), 1: value}
    if given["inline_datum"]:
        output[2] = [1, cbor2.CBORTag(24, bytes.fromhex(given["inline_datum"]))]
    if given["reference_script"]:
        output[3] = cbor2.CBORTag(24, bytes.fromhex(given["reference_script"]))
    return decode_output(cbor2.dumps(output))


def accounts(case: Mapping[str, Any]) -> dict[Credential, Account | None]:
    """The reward accounts that exist as the case is judged."""
    return {
        _credential(address): Account(
            deposit=int(account["deposit"]),
            reward=int(account["balance"]),
            drep=account["delegated_to_drep"],
        )
        for address, account in (case.get("accounts") or {}).items()
        if account["registered"]
    }


def _credential(address: str) -> Credential:
    raw = parse_address(address)
    return Credential(is_script=bool(raw[0] & 0x10), hash=raw[1:])


def body(case: Mapping[str, Any]) -> dict[str, Any]:
    """The case as the body of ``/verify`` and ``/settle``."""
    return {
        "x402Version": 2,
        "paymentPayload": {
            "x402Version": 2,
            "accepted": case["payment_requirements"],
            "payload": case["payload"],
        },
        "paymentRequirements": case["payment_requirements"],
    }
