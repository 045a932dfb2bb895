"""The ledger's own vectors: transactions with what the ledger says of them.

They are read from the folder that ``FACILITATOR_LEDGER_VECTORS`` names, else from
``../shared/ledger-vectors`` beside the project. They are not part of the project.
"""

import gzip
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

from facilitator.cardano.cbor import DecodeError
from facilitator.cardano.codec.governance import decode_action
from facilitator.cardano.codec.transaction_decoder import decode_output, decode_transaction
from facilitator.cardano.output_ref import parse_output_ref
from facilitator.cardano.parameters import ProtocolParameters
from facilitator.cardano.rules import (
    Environment,
    Failure,
    ledger_failures,
    static_failures,
    touched,
)
from facilitator.cardano.rules.evaluation import Evaluator
from facilitator.cardano.state import (
    Account,
    ActionPurpose,
    CommitteeMember,
    Constitution,
    LedgerState,
    OpenProposal,
    StateQuery,
)
from facilitator.cardano.transaction import (
    Action,
    ActionId,
    ActionKind,
    Credential,
    Output,
    OutputRef,
)

Record = dict[str, Any]

ROOT = Path(__file__).parents[2]
VECTORS = Path(
    os.environ.get("FACILITATOR_LEDGER_VECTORS", ROOT.parent / "shared" / "ledger-vectors")
)


NEW_IN_CONWAY = {
    "drepDeposit": 500_000_000,
    "govActionDeposit": 100_000_000_000,
    "minFeeRefScriptCostPerByte": {"numerator": 15, "denominator": 1},
    "minPoolCost": 170_000_000,
    "eMax": 18,
}
"""Parameters that sets of real transactions lack, from before they were or because unused."""


def records(name: str) -> Iterator[Record]:
    """The records of a file of the vectors."""
    opened = gzip.open if name.endswith(".gz") else open
    with opened(VECTORS / name, "rt") as lines:
        yield from map(json.loads, lines)


def judge(
    raw: bytes,
    env: Environment,
    utxo: Mapping[OutputRef, Output],
    state: LedgerState | None,
    evaluator: Evaluator | None = None,
) -> list[Failure]:
    """All that decoding and rules say of the transaction."""
    try:
        tx = decode_transaction(raw)
    except DecodeError as error:
        return [Failure("DecodingFailure", str(error))]
    return static_failures(tx, env) + ledger_failures(tx, env, utxo, state, evaluator)


def judge_record(
    record: Record, missing: Record | None = None, evaluator: Evaluator | None = None
) -> list[Failure]:
    """All that is said of a record's transaction where it was applied.

    ``missing`` are parameters for where the record's set lacks them, as those from before Conway
    do; they are then read as Conway's.
    """
    env, utxo = met(record, missing)
    raw = bytes.fromhex(record["tx"])
    return judge(raw, env, utxo, _state(record, raw), evaluator)


def met(
    record: Record, missing: Record | None = None
) -> tuple[Environment, dict[OutputRef, Output]]:
    """What a record's transaction met where it was applied: see :func:`judge_record`."""
    values = _parameter_sets()[record["pparams"]]
    parameters = _parameters({**(missing or {}), **values}, record["epoch"])
    if missing:
        parameters = replace(parameters, protocol_major=max(9, parameters.protocol_major))
    env = Environment(record["slot"], record["network_id"], parameters)
    return env, {
        parse_output_ref(ref): decode_output(bytes.fromhex(raw))
        for ref, raw in record["utxo"].items()
    }


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
    proposals = {
        _action_id(name): _open_proposal(proposal)
        for name, proposal in ledger.get("proposals", {}).items()
    }
    guardrails = ledger.get("guardrailScript")
    return LedgerState(
        accounts,
        pools,
        dreps,
        ledger.get("treasury"),
        _committee(ledger, proposals) if "committee" in ledger else None,
        {**dict.fromkeys(query.proposals), **proposals},
        {**dict.fromkeys(query.roots), **_roots(ledger)},
        Constitution(guardrails and bytes.fromhex(guardrails))
        if "guardrailScript" in ledger
        else None,
    )


def _action_id(text: str) -> ActionId:
    return ActionId(*parse_output_ref(text))


PURPOSES = {
    "protocolParameters": ActionPurpose.PARAMETERS,
    "hardFork": ActionPurpose.HARD_FORK,
    "committee": ActionPurpose.COMMITTEE,
    "constitutionalCommittee": ActionPurpose.COMMITTEE,
    "constitution": ActionPurpose.CONSTITUTION,
}
"""Names of purposes; scenarios call the committee by its full name."""

SCENARIO_ACTIONS = {
    "ConstitutionalCommittee": Action(ActionKind.NO_CONFIDENCE),
    "Constitution": Action(ActionKind.NEW_CONSTITUTION),
    "HardFork(10.1)": Action(ActionKind.HARD_FORK_INITIATION, version=(10, 1)),
    "Information": Action(ActionKind.INFO),
    "Orphan": Action(ActionKind.INFO),
    "ProtocolParameters": Action(ActionKind.PARAMETER_CHANGE),
    "TreasuryWithdrawals": Action(ActionKind.TREASURY_WITHDRAWALS),
}
"""What a scenario's word for an open proposal stands for, as far as rules read it."""


def _roots(ledger: Record) -> dict[ActionPurpose, ActionId | None]:
    return {
        PURPOSES[name]: None if root is None else _action_id(root)
        for name, root in ledger.get("roots", {}).items()
    }


def _open_proposal(proposal: Record | None) -> OpenProposal | None:
    if proposal is None:
        return None
    if "action" in proposal:
        action = decode_action(bytes.fromhex(proposal["action"]))
    else:
        action = SCENARIO_ACTIONS[proposal["kind"]]
    return OpenProposal(action, proposal["expiresAfter"])


def _committee(
    ledger: Record, proposals: Mapping[ActionId, OpenProposal | None]
) -> dict[Credential, CommitteeMember]:
    """The committee by cold credential; whom a scenario gives no term is merely proposed."""
    committee = ledger["committee"]
    if isinstance(committee, list):
        did = {_credential(member["cold"]): member["status"] for member in committee}
        elected = {_credential(m["cold"]) for m in committee if m["validUntil"] is not None}
        proposed = did.keys() - elected
    else:
        did = {_credential(cold): hot for cold, hot in committee["authorized"].items()}
        elected = {_credential(cold) for cold in committee["members"]}
        proposed = {
            cold for proposal in proposals.values() if proposal for cold, _ in proposal.action.added
        }
    return {
        cold: _member(cold in elected, cold in proposed, did.get(cold))
        for cold in {*elected, *proposed, *did}
    }


def _member(elected: bool, proposed: bool, did: str | None) -> CommitteeMember:
    resigned = did == "resigned"
    hot = None if did is None or resigned else _credential(did)
    return CommitteeMember(elected, proposed, hot, resigned)


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
