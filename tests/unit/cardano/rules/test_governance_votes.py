"""Votes: who may vote, on which proposals and until when."""

from dataclasses import replace
from typing import Any

import pytest

from facilitator.cardano.rules import touched
from facilitator.cardano.state import CommitteeMember, LedgerState, OpenProposal
from facilitator.cardano.transaction import Action, ActionKind, Certificate, Credential, Vote, Voter
from support.governance import ME, OPEN, UNKNOWN, voting
from support.ledger_values import (
    ENVIRONMENT,
    KEY_HASH,
    PARAMETERS,
    UTXO,
    broken,
    native,
    transaction,
)

COMMITTEE, COMMITTEE_SCRIPT, DREP, DREP_SCRIPT, POOL = range(5)
COLD, OTHER = Credential(False, b"\x0c" * 28), Credential(False, b"\x0d" * 28)
NINE, ELEVEN = (
    replace(ENVIRONMENT, parameters=replace(PARAMETERS, protocol_major=major)) for major in (9, 11)
)
IN_OFFICE = CommitteeMember(elected=True, hot=ME)
LAST_EPOCH = PARAMETERS.epoch


def known(action: Action, expires_after: int = LAST_EPOCH) -> LedgerState:
    """A state in which I am a DRep, a pool and a committee member, and the action is open."""
    return LedgerState(
        pools={KEY_HASH: True},
        dreps={ME: 500_000_000},
        committee={COLD: IN_OFFICE},
        proposals={OPEN: OpenProposal(action, expires_after), UNKNOWN: None},
    )


def change(*keys: int) -> Action:
    return Action(ActionKind.PARAMETER_CHANGE, parameters=tuple((key, 1) for key in keys))


SECURITY = (0, 1, 2, 3, 4, 17, 21, 22, 30, 33)
OTHERS = (5, 6, 7, 8, 9, 10, 11, 16, 18, 19, 20, 23, 24, 25, 26, 27, 28, 29, 31, 32)


@pytest.mark.parametrize(
    ("action", "voters"),
    [
        (change(5), {COMMITTEE, DREP}),
        *((change(key), {COMMITTEE, DREP, POOL}) for key in SECURITY),
        *((change(key), {COMMITTEE, DREP}) for key in OTHERS),
        (change(*OTHERS, 33), {COMMITTEE, DREP, POOL}),
        (Action(ActionKind.HARD_FORK_INITIATION, version=(11, 0)), {COMMITTEE, DREP, POOL}),
        (Action(ActionKind.TREASURY_WITHDRAWALS), {COMMITTEE, DREP}),
        (Action(ActionKind.NO_CONFIDENCE), {DREP, POOL}),
        (Action(ActionKind.UPDATE_COMMITTEE), {DREP, POOL}),
        (Action(ActionKind.NEW_CONSTITUTION), {COMMITTEE, DREP}),
        (Action(ActionKind.INFO), {COMMITTEE, DREP, POOL}),
    ],
)
def test_who_has_a_say(action: Action, voters: set[int]) -> None:
    for kind in (COMMITTEE, DREP, POOL):
        rules = set() if kind in voters else {"DisallowedVoters"}
        assert broken(voting(kind), UTXO, known(action)).keys() == rules


@pytest.mark.parametrize(
    ("kind", "allowed"),
    [
        (DREP, {ActionKind.INFO}),
        (
            COMMITTEE,
            {ActionKind.INFO, ActionKind.PARAMETER_CHANGE, ActionKind.HARD_FORK_INITIATION},
        ),
    ],
)
def test_protocol_version_9_allows_few_votes(kind: int, allowed: set[ActionKind]) -> None:
    for action_kind in ActionKind:
        rules = broken(voting(kind), UTXO, known(Action(action_kind)), NINE).keys()
        assert ("DisallowedVotesDuringBootstrap" in rules) == (action_kind not in allowed)


@pytest.mark.parametrize("kind", [COMMITTEE, DREP, POOL])
def test_votes_end_with_the_last_epoch_of_the_proposal(kind: int) -> None:
    info = Action(ActionKind.INFO)
    assert broken(voting(kind), UTXO, known(info, LAST_EPOCH)) == {}
    expired = broken(voting(kind), UTXO, known(info, LAST_EPOCH - 1))
    assert expired.keys() == {"VotingOnExpiredGovAction"}


@pytest.mark.parametrize(
    ("kind", "state"),
    [
        (COMMITTEE, {"committee": {}}),
        (COMMITTEE, {"committee": {COLD: CommitteeMember(elected=True)}}),
        (COMMITTEE, {"committee": {ME: CommitteeMember(elected=True, hot=OTHER)}}),
        (COMMITTEE, {"committee": {COLD: CommitteeMember(elected=True, resigned=True)}}),
        (DREP, {"dreps": {ME: None}}),
        (POOL, {"pools": {KEY_HASH: False}}),
    ],
)
def test_voters_must_exist(kind: int, state: dict[str, Any]) -> None:
    facts = replace(known(Action(ActionKind.INFO)), **state)
    assert broken(voting(kind), UTXO, facts).keys() == {"VotersDoNotExist"}


@pytest.mark.parametrize("kind", [COMMITTEE_SCRIPT, DREP_SCRIPT])
def test_scripts_vote_like_keys(kind: int) -> None:
    script = native(b"\x82\x01\x80")
    voter = Credential(True, script.hash)
    facts = replace(
        known(Action(ActionKind.INFO)),
        dreps={voter: 1},
        committee={COLD: CommitteeMember(elected=True, hot=voter)},
    )
    tx = voting(kind, voter=script.hash)
    assert broken(tx, UTXO, facts).keys() == {"MissingScriptWitnessesUTXOW"}
    witnesses = replace(tx.witnesses, scripts={script.hash: script})
    assert broken(replace(tx, witnesses=witnesses), UTXO, facts) == {}
    nobody = replace(facts, dreps={voter: None}, committee={})
    assert "VotersDoNotExist" in broken(tx, UTXO, nobody)


@pytest.mark.parametrize("member", [{"elected": False}, {"elected": False, "proposed": True}])
def test_members_out_of_office_vote_before_protocol_version_11(member: dict[str, bool]) -> None:
    facts = replace(
        known(Action(ActionKind.INFO)), committee={COLD: CommitteeMember(hot=ME, **member)}
    )
    assert broken(voting(COMMITTEE), UTXO, facts) == {}
    assert broken(voting(COMMITTEE), UTXO, facts, ELEVEN).keys() == {"UnelectedCommitteeVoters"}
    in_office = known(Action(ActionKind.INFO))
    assert broken(voting(COMMITTEE), UTXO, in_office, ELEVEN) == {}


def test_votes_are_on_open_proposals() -> None:
    facts = known(Action(ActionKind.INFO))
    found = broken(voting(DREP, UNKNOWN), UTXO, facts)
    assert found.keys() == {"GovActionsDoNotExist"}
    assert str(UNKNOWN) in found["GovActionsDoNotExist"]


@pytest.mark.parametrize(
    ("certificates", "state", "rules"),
    [
        ([Certificate(14, ME, hot=ME)], {"committee": {ME: CommitteeMember(elected=True)}}, set()),
        (
            [Certificate(14, ME, hot=OTHER)],
            {"committee": {ME: IN_OFFICE}},
            {"VotersDoNotExist"},
        ),
        ([Certificate(15, ME)], {"committee": {ME: IN_OFFICE}}, {"VotersDoNotExist"}),
    ],
)
def test_certificates_come_before_votes(
    certificates: list[Certificate], state: dict[str, Any], rules: set[str]
) -> None:
    facts = replace(known(Action(ActionKind.INFO)), **state)
    votes = (Vote(Voter(COMMITTEE, KEY_HASH), OPEN, 1),)
    tx = transaction(votes=votes, certificates=tuple(certificates))
    assert broken(tx, UTXO, facts).keys() == rules


@pytest.mark.parametrize(
    ("kind", "missing", "fact"),
    [
        (COMMITTEE, {"committee": None}, "the committee"),
        (DREP, {"dreps": {}}, "DRep"),
        (POOL, {"pools": {}}, "pool"),
        (POOL, {"proposals": {}}, "open proposal"),
    ],
)
def test_votes_are_not_judged_by_facts_that_are_not_known(
    kind: int, missing: dict[str, Any], fact: str
) -> None:
    facts = replace(known(Action(ActionKind.INFO)), **missing)
    found = broken(voting(kind), UTXO, facts)
    assert found.keys() == {"NotJudged"}
    assert fact in found["NotJudged"]


def test_what_votes_ask_for() -> None:
    for kind, asked in (
        (COMMITTEE_SCRIPT, {"committee": True}),
        (DREP_SCRIPT, {"dreps": {Credential(True, KEY_HASH)}}),
        (POOL, {"pools": {KEY_HASH}}),
    ):
        query = touched(voting(kind))[1]
        assert query.proposals == {OPEN}
        assert {name: getattr(query, name) for name in asked} == asked
        assert not query.roots
        assert not query.constitution
