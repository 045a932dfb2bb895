"""The rules against what the ledger itself says of its own test transactions."""

import pytest

from facilitator.cardano.decode import DecodeError, decode_transaction
from facilitator.cardano.rules import NOT_JUDGED
from facilitator.cardano.transaction import Language, Transaction
from support.ledger_vectors import VECTORS, Record, judge_record, records

pytestmark = pytest.mark.skipif(
    not VECTORS.is_dir(),
    reason=f"no ledger vectors in {VECTORS}; FACILITATOR_LEDGER_VECTORS names their folder",
)

FILES = sorted(path.name for path in VECTORS.glob("*.jsonl.gz"))

OTHER_NAMES = {
    "MissingVerificationKeyWitnessesUTXOW": {"MissingVKeyWitnessesUTXOW"},
    "DRepAlreadyRegistered": {"ConwayDRepAlreadyRegistered"},
    "DelegateeDRepNotRegistered": {"DelegateeDRepNotRegisteredDELEG"},
    "DelegateeStakePoolNotRegistered": {"DelegateeStakePoolNotRegisteredDELEG"},
    "StakeCredentialInvalidPoolDelegation": {"StakeKeyNotRegisteredDELEG"},
}
"""Names that scenarios give to the ledger's predicate failures."""

PLUTUS = "Plutus scripts are neither evaluated nor checked for being well-formed"
GOVERNANCE = "votes, proposals and committee certificates need state that isn't looked up"
STATE = "the record does not know the reward of an account after an epoch boundary"

UNDECIDED_RULES = {
    PLUTUS: {
        "ValidationTagMismatch",
        "MalformedReferenceScripts",
        "MalformedScriptWitnesses",
        "OutsideForecast",
    },
    GOVERNANCE: {
        "CommitteeHasPreviouslyResigned",
        "CommitteeIsUnknown",
        "ConflictingCommitteeUpdate",
        "ConwayCommitteeHasPreviouslyResigned",
        "ConwayCommitteeIsUnknown",
        "DisallowedProposalDuringBootstrap",
        "DisallowedVoters",
        "DisallowedVotesDuringBootstrap",
        "ExpirationEpochTooSmall",
        "GovActionsDoNotExist",
        "InvalidGuardrailsScriptHash",
        "InvalidPolicyHash",
        "InvalidPrevGovActionId",
        "MalformedProposal",
        "ProposalCantFollow",
        "ProposalDepositIncorrect",
        "ProposalProcedureNetworkIdMismatch",
        "ProposalReturnAccountDoesNotExist",
        "ScriptWitnessNotValidatingUTXOW",  # of the script that a proposal needs
        "TreasuryWithdrawalReturnAccountsDoNotExist",
        "TreasuryWithdrawalsNetworkIdMismatch",
        "UnelectedCommitteeVoters",
        "VotersDoNotExist",
        "VotingOnExpiredGovAction",
        "ZeroTreasuryWithdrawals",
    },
    STATE: set(),
}
"""By why a transaction isn't decided: failures that are then refused without their name."""


def undecided(record: Record) -> set[str]:
    """Why the record's transaction is refused rather than judged; empty when it is judged."""
    try:
        tx = decode_transaction(bytes.fromhex(record["tx"]))
    except DecodeError:
        return set()
    reasons = set()
    if touches_plutus(tx):
        reasons.add(PLUTUS)
    body = tx.body
    kinds = {certificate.kind for certificate in body.certificates}
    if body.voting_procedures or body.proposals or kinds & {14, 15}:
        reasons.add(GOVERNANCE)
    accounts = (record["ledger"] or {}).get("accounts", {}).values()
    if any(account and account["reward"] is None for account in accounts):
        reasons.add(STATE)
    return reasons


def touches_plutus(tx: Transaction) -> bool:
    scripts = list((tx.witnesses.scripts or {}).values())
    scripts += [output.script for output in tx.body.outputs if output.script is not None]
    plutus = any(script.language is not Language.NATIVE for script in scripts)
    return bool(plutus or tx.witnesses.redeemers or tx.auxiliary_plutus)


def expects(record: Record, *, accepted: bool) -> bool:
    return bool(record["expected"] == "accept") == accepted


@pytest.mark.parametrize("name", FILES)
def test_what_the_ledger_accepts_is_accepted_or_not_judged(name: str) -> None:
    wrong, decided = [], 0
    for record in filter(lambda record: expects(record, accepted=True), records(name)):
        rules = {failure.rule for failure in judge_record(record)}
        decided += not rules
        if rules - {NOT_JUDGED} or (rules and not undecided(record)):
            wrong.append((record["id"], record["n"], rules))
    assert wrong == []
    assert decided > 0


@pytest.mark.parametrize("name", FILES)
def test_what_the_ledger_rejects_is_refused(name: str) -> None:
    rejected = [record for record in records(name) if expects(record, accepted=False)]
    assert rejected
    assert [record["id"] for record in rejected if not judge_record(record)] == []


@pytest.mark.parametrize("name", FILES)
def test_refusals_name_the_rule_that_the_ledger_names(name: str) -> None:
    unnamed = []
    for record in filter(lambda record: expects(record, accepted=False), records(name)):
        rules = {failure.rule for failure in judge_record(record)}
        named = [{failure, *OTHER_NAMES.get(failure, ())} for failure in record["failures"]]
        if not any(rules & names for names in named) and not excused(record, rules):
            unnamed.append((record["id"], record["failures"], rules))
    assert unnamed == []


def excused(record: Record, rules: set[str]) -> bool:
    """Whether the refusal has no name because the transaction isn't decided."""
    primary = record["failures"][0]
    if NOT_JUDGED not in rules:
        return False
    reasons = undecided(record)
    if PLUTUS in reasons and primary.startswith("CollectErrors:"):
        return True
    return any(primary in UNDECIDED_RULES[reason] for reason in reasons)
