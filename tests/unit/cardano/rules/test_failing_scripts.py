"""Transactions marked as failing their scripts: they pay their collateral and do nothing else."""

from collections.abc import Sequence
from dataclasses import replace
from hashlib import blake2b
from typing import Any

import pytest

from facilitator.cardano.rules import ledger_failures, static_failures
from facilitator.cardano.rules.evaluation import ScriptFailure, ScriptRun
from facilitator.cardano.rules.resolved import ResolvedTransaction
from facilitator.cardano.state import LedgerState
from facilitator.cardano.transaction import (
    Action,
    ActionKind,
    Certificate,
    Credential,
    Language,
    Proposal,
    Redeemer,
)
from support.ledger_values import (
    ENVIRONMENT,
    INPUT,
    KEY_HASH,
    PAID,
    PARAMETERS,
    SECOND_INPUT,
    THIRD_INPUT,
    native,
    output,
    plutus,
    reward_address,
    script_address,
    transaction,
)

SCRIPT = plutus(Language.PLUTUS_V3)
LARGE = native(bytes(11))
REDEEMERS = b"\xa1\x82\x00\x00\x82\x01\x82\x00\x00"
VIEW = bytes.fromhex("a102820506")
ENV = replace(ENVIRONMENT, parameters=replace(PARAMETERS, max_ref_script_size_per_tx=10))
ME = Credential(False, KEY_HASH)
NOBODY = LedgerState({ME: None}, treasury=1)
PROPOSAL = Proposal(
    PARAMETERS.gov_action_deposit,
    reward_address(ME),
    Action(ActionKind.HARD_FORK_INITIATION, version=(99, 0)),
    ("", bytes(32)),
)


def all_fail(_resolved: ResolvedTransaction, runs: Sequence[ScriptRun]) -> Sequence[ScriptFailure]:
    return [ScriptFailure(run.purpose.tag, run.purpose.item, "it fails") for run in runs]


def judged(*, is_valid: bool, produced: int = 0, **body: Any) -> set[str]:
    """What a spend from a script that fails breaks; ``produced`` is locked up or paid in."""
    utxo = {
        INPUT: output(produced + PAID + 200_000, address=script_address(SCRIPT)),
        SECOND_INPUT: output(1_000_000),
        THIRD_INPUT: output(script=LARGE, script_size=len(LARGE.body)),
    }
    tx = transaction(
        is_valid=is_valid,
        witnesses={
            "scripts": {SCRIPT.hash: SCRIPT},
            "redeemers": (Redeemer(0, 0, b"\x01", 0, 0),),
            "redeemers_span": REDEEMERS,
        },
        collateral=(SECOND_INPUT,),
        script_data_hash=blake2b(REDEEMERS + VIEW, digest_size=32).digest(),
        **body,
    )
    failures = static_failures(tx, ENV) + ledger_failures(tx, ENV, utxo, NOBODY, all_fail)
    return {failure.rule for failure in failures}


def test_scripts_that_fail_are_no_fault_of_a_transaction_that_says_so() -> None:
    assert judged(is_valid=False) == set()
    assert judged(is_valid=True) == {"ValidationTagMismatch"}


@pytest.mark.parametrize(
    ("body", "produced", "rule"),
    [
        ({"reference_inputs": (THIRD_INPUT,)}, 0, "ConwayTxRefScriptsSizeTooBig"),
        ({"treasury": 2}, 0, "ConwayTreasuryValueMismatch"),
        ({"withdrawals": {reward_address(ME): 0}}, 0, "WithdrawalsNotInRewardsCERTS"),
        ({"certificates": (Certificate(1, ME),)}, 0, "StakeKeyNotRegisteredDELEG"),
        ({"proposals": (PROPOSAL,)}, PROPOSAL.deposit, "ProposalReturnAccountDoesNotExist"),
        (
            {"proposals": (PROPOSAL._replace(deposit=1),)},
            PROPOSAL.deposit,
            "ProposalDepositIncorrect",
        ),
    ],
)
def test_what_it_does_not_do_is_not_judged(body: dict[str, Any], produced: int, rule: str) -> None:
    assert rule in judged(is_valid=True, produced=produced, **body)
    assert judged(is_valid=False, produced=produced, **body) == set()


def test_it_balances_all_the_same() -> None:
    assert "ValueNotConservedUTxO" in judged(is_valid=False, produced=1)
