"""The ledger's own vectors: transactions with what the ledger says of them.

They are read from the folder that ``FACILITATOR_LEDGER_VECTORS`` names, else from
``../shared/ledger-vectors`` beside the project. They are not part of the project.
"""

import gzip
import json
import os
from collections.abc import Iterator, Mapping
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

from facilitator.cardano.cbor import DecodeError
from facilitator.cardano.decode import decode_output, decode_transaction
from facilitator.cardano.parameters import ProtocolParameters
from facilitator.cardano.rules import (
    Environment,
    Failure,
    ledger_failures,
    static_failures,
    touched,
)
from facilitator.cardano.state import Account, LedgerState, StateQuery
from facilitator.cardano.transaction import Credential, Output, OutputRef

Record = dict[str, Any]

ROOT = Path(__file__).parents[2]
VECTORS = Path(
    os.environ.get("FACILITATOR_LEDGER_VECTORS", ROOT.parent / "shared" / "ledger-vectors")
)


def records(name: str) -> Iterator[Record]:
    """The records of a file of the vectors."""
    with gzip.open(VECTORS / name, "rt") as lines:
        yield from map(json.loads, lines)


def judge(
    raw: bytes, env: Environment, utxo: Mapping[OutputRef, Output], state: LedgerState | None
) -> list[Failure]:
    """All that decoding and rules say of the transaction."""
    try:
        tx = decode_transaction(raw)
    except DecodeError as error:
        return [Failure("DecodingFailure", str(error))]
    return static_failures(tx, env) + ledger_failures(tx, env, utxo, state)


def judge_record(record: Record) -> list[Failure]:
    """All that is said of a record's transaction where it was applied."""
    parameters = _parameters(_parameter_sets()[record["pparams"]], record["epoch"])
    env = Environment(record["slot"], record["network_id"], parameters)
    utxo = {_ref(ref): decode_output(bytes.fromhex(raw)) for ref, raw in record["utxo"].items()}
    raw = bytes.fromhex(record["tx"])
    return judge(raw, env, utxo, _state(record, raw))


def _ref(text: str) -> OutputRef:
    transaction_id, index = text.split("#")
    return OutputRef(bytes.fromhex(transaction_id), int(index))


def _fraction(value: Mapping[str, int]) -> Fraction:
    return Fraction(value["numerator"], value["denominator"])


@cache
def _parameter_sets() -> dict[str, Record]:
    sets: dict[str, Record] = json.loads((VECTORS / "pparams.json").read_text())
    return sets


def _parameters(values: Record, epoch: int | None) -> ProtocolParameters:
    models = values.get("costModels", {})
    return ProtocolParameters(
        min_fee_a=values["minFeeA"],
        min_fee_b=values["minFeeB"],
        coins_per_utxo_byte=values["coinsPerUtxoByte"],
        max_tx_size=values["maxTxSize"],
        max_value_size=values["maxValSize"],
        key_deposit=values["keyDeposit"],
        pool_deposit=values["poolDeposit"],
        min_pool_cost=values["minPoolCost"],
        drep_deposit=values["drepDeposit"],
        gov_action_deposit=values["govActionDeposit"],
        collateral_percentage=values["collateralPercentage"],
        max_collateral_inputs=values["maxCollateralInputs"],
        min_fee_ref_script_cost_per_byte=_fraction(values["minFeeRefScriptCostPerByte"]),
        price_memory=_fraction(values["prices"]["mem"]),
        price_steps=_fraction(values["prices"]["steps"]),
        max_tx_memory=values["maxTxExUnits"]["mem"],
        max_tx_steps=values["maxTxExUnits"]["steps"],
        protocol_major=values["protocolVersion"]["major"],
        protocol_minor=values["protocolVersion"]["minor"],
        cost_models={int(name[-1]) - 1: costs for name, costs in models.items()},
        epoch=epoch or 0,
        max_epoch=values["eMax"],
        max_ref_script_size_per_tx=values.get("maxRefScriptSizePerTx", 200 * 1024),
    )


def _state(record: Record, raw: bytes) -> LedgerState | None:
    """The facts a vector gives; a scenario gives its whole state, a dump what is touched."""
    ledger = record["ledger"]
    if ledger is None:
        return None
    query = _query(raw) if record["source"] == "amaru-scenario" else StateQuery()
    accounts = {
        **dict.fromkeys(query.accounts),
        **{
            _credential(name): _account(account)
            for name, account in ledger.get("accounts", {}).items()
            if account is None or account["reward"] is not None
        },
    }
    pools = {
        **dict.fromkeys(query.pools, False),
        **{bytes.fromhex(name): pool is not None for name, pool in ledger.get("pools", {}).items()},
    }
    dreps = {
        **dict.fromkeys(query.dreps),
        **{
            _credential(name): None if drep is None else drep["deposit"]
            for name, drep in ledger.get("dreps", {}).items()
        },
    }
    return LedgerState(accounts, pools, dreps, ledger.get("treasury"))


def _query(raw: bytes) -> StateQuery:
    try:
        return touched(decode_transaction(raw))[1]
    except DecodeError:
        return StateQuery()


def _credential(name: str) -> Credential:
    kind, digest = name.split(":")
    return Credential(kind == "script", bytes.fromhex(digest))


def _account(account: Record | None) -> Account | None:
    if account is None:
        return None
    return Account(account["deposit"], account["reward"], account["drep"])
