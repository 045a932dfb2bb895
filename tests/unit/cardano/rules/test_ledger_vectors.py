"""The rules against what the ledger itself says of its own test transactions."""

import pytest

from facilitator.cardano.codec.transaction_decoder import DecodeError, decode_transaction
from facilitator.cardano.rules import NOT_JUDGED
from support.ledger_vectors import NEW_IN_CONWAY, VECTORS, Record, judge_record, records

pytestmark = [
    pytest.mark.once,
    pytest.mark.skipif(
        not VECTORS.is_dir(),
        reason=f"no ledger vectors in {VECTORS}; FACILITATOR_LEDGER_VECTORS names their folder",
    ),
]

FILES = sorted(path.name for path in VECTORS.glob("*.jsonl.gz"))

OTHER_NAMES = {
    "MissingVerificationKeyWitnessesUTXOW": {"MissingVKeyWitnessesUTXOW"},
    "CommitteeHasPreviouslyResigned": {"ConwayCommitteeHasPreviouslyResigned"},
    "CommitteeIsUnknown": {"ConwayCommitteeIsUnknown"},
    "DRepAlreadyRegistered": {"ConwayDRepAlreadyRegistered"},
    "DelegateeDRepNotRegistered": {"DelegateeDRepNotRegisteredDELEG"},
    "DelegateeStakePoolNotRegistered": {"DelegateeStakePoolNotRegisteredDELEG"},
    "InvalidPolicyHash": {"InvalidGuardrailsScriptHash"},
    "StakeCredentialInvalidPoolDelegation": {"StakeKeyNotRegisteredDELEG"},
    "VotersDoNotExist": {"UnelectedCommitteeVoters"},
}
"""Names that scenarios and older ledgers give to the ledger's predicate failures."""

PLUTUS = "Plutus scripts are not evaluated, nor is the horizon of their time known"
STATE = "the record does not know the reward of an account after an epoch boundary"

INEXACT_RULES = {
    "ConwayCommitteeIsUnknown",
    "ConwayTreasuryValueMismatch",
    "InvalidGuardrailsScriptHash",
    "InvalidPrevGovActionId",
    "WithdrawalsNotInRewardsCERTS",
}
"""Rules that refuse wrongly by facts that a record gives as of before an epoch boundary."""

UNDECIDED_RULES = {
    PLUTUS: {"ValidationTagMismatch", "OutsideForecast"},
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
    if tx.witnesses.redeemers:
        reasons.add(PLUTUS)
    accounts = (record["ledger"] or {}).get("accounts", {}).values()
    if any(account and account["reward"] is None for account in accounts):
        reasons.add(STATE)
    return reasons


def inexact(record: Record) -> set[str]:
    """Rules that the record's facts do not suffice for."""
    return set() if (record["ledger"] or {}).get("exact", True) else INEXACT_RULES


def expects(record: Record, *, accepted: bool) -> bool:
    return bool(record["expected"] == "accept") == accepted


@pytest.mark.parametrize("name", FILES)
def test_what_the_ledger_accepts_is_accepted_or_not_judged(name: str) -> None:
    wrong, decided = [], 0
    for record in filter(lambda record: expects(record, accepted=True), records(name)):
        rules = {failure.rule for failure in judge_record(record)}
        decided += not rules
        if rules - {NOT_JUDGED} - inexact(record) or (
            rules == {NOT_JUDGED} and not undecided(record)
        ):
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
    return any(primary in UNDECIDED_RULES[reason] for reason in reasons)


def test_what_mainnet_accepted_is_accepted_or_not_judged() -> None:
    """Of Babbage's, those with scripts are left out: Conway prices and encodes them otherwise."""
    judged = [
        (record, {failure.rule for failure in judge_record(record, NEW_IN_CONWAY)})
        for record in records("mainnet.jsonl")
        if record["era"] == "conway" or (record["era"], record["redeemers"]) == ("babbage", 0)
    ]
    assert [rules for record, rules in judged if not record["redeemers"]] == [set(), set()]
    assert {frozenset(rules) for record, rules in judged if record["redeemers"]} == {
        frozenset({NOT_JUDGED})
    }
