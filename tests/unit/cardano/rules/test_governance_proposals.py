"""Proposals: what they may contain, follow and pay."""

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facilitator.cardano.rules import Environment, touched
from facilitator.cardano.rules.needed import find_scripts
from facilitator.cardano.rules.resolved import resolve
from facilitator.cardano.state import ActionPurpose, Constitution, OpenProposal
from facilitator.cardano.transaction import Action, ActionId, ActionKind, Credential
from support.governance import (
    DEPOSIT,
    HERE,
    INFO,
    ME,
    OPEN,
    RICH,
    ROOT,
    ROOTS,
    UNKNOWN,
    proposing,
    state,
)
from support.ledger_values import ENVIRONMENT, PARAMETERS, broken, native, reward_address

NINE, ELEVEN = (
    replace(ENVIRONMENT, parameters=replace(PARAMETERS, protocol_major=major)) for major in (9, 11)
)
FREE = state(constitution=Constitution(guardrails=None))
EPOCH, VERSION = PARAMETERS.epoch, (PARAMETERS.protocol_major, PARAMETERS.protocol_minor)
COLD = Credential(True, b"\x0c" * 28)
ABROAD = b"\xe1" + ME.hash


def change(**fields: Any) -> Action:
    return Action(ActionKind.PARAMETER_CHANGE, **{"parameters": ((0, 44),), **fields})


def withdraw(amount: int = 1, **fields: Any) -> Action:
    withdrawals = ((reward_address(ME), amount),)
    return Action(ActionKind.TREASURY_WITHDRAWALS, **{"withdrawals": withdrawals, **fields})


def fork(major: int, minor: int, previous: ActionId | None = None) -> Action:
    return Action(ActionKind.HARD_FORK_INITIATION, previous=previous, version=(major, minor))


def update(*added: tuple[Credential, int], removed: tuple[Credential, ...] = ()) -> Action:
    return Action(ActionKind.UPDATE_COMMITTEE, added=added, removed=removed)


GOOD = [
    change(),
    fork(VERSION[0] + 1, 0),
    fork(VERSION[0], VERSION[1] + 1),
    withdraw(),
    Action(ActionKind.NO_CONFIDENCE),
    update((COLD, EPOCH + 1), removed=(ME,)),
    Action(ActionKind.NEW_CONSTITUTION),
    INFO,
]


@pytest.mark.parametrize("action", GOOD)
def test_good_proposals_and_their_exact_deposit(action: Action) -> None:
    assert broken(proposing(action), RICH, FREE) == {}
    for paid in (DEPOSIT - 1, DEPOSIT + 1, 0):
        rules = broken(proposing(action, paid=paid), RICH, FREE).keys()
        assert rules == {"ValueNotConservedUTxO"}


def test_each_proposal_locks_up_a_deposit() -> None:
    assert broken(proposing(*GOOD[:3]), RICH, FREE) == {}


@pytest.mark.parametrize("off", [-1, 1])
def test_proposals_name_the_deposit_that_is_due(off: int) -> None:
    tx = proposing(INFO, deposit=DEPOSIT + off)
    assert broken(tx, RICH, FREE).keys() == {"ProposalDepositIncorrect"}


BAD: list[tuple[Action, set[str]]] = [
    (change(parameters=()), {"MalformedProposal"}),
    (withdraw(0), {"ZeroTreasuryWithdrawals"}),
    (withdraw(withdrawals=()), {"ZeroTreasuryWithdrawals"}),
    (withdraw(withdrawals=((ABROAD, 1),)), {"TreasuryWithdrawalsNetworkIdMismatch"}),
    (update((COLD, EPOCH)), {"ExpirationEpochTooSmall"}),
    (update((COLD, EPOCH + 1), removed=(COLD,)), {"ConflictingCommitteeUpdate"}),
    (change(guardrails=b"\x0a" * 28), {"InvalidGuardrailsScriptHash"}),
    (withdraw(guardrails=b"\x0a" * 28), {"InvalidGuardrailsScriptHash"}),
]


@pytest.mark.parametrize(("action", "rules"), BAD)
def test_bad_proposals(action: Action, rules: set[str]) -> None:
    tx = proposing(action)
    assert broken(tx, RICH, FREE).keys() - {"MissingScriptWitnessesUTXOW"} == rules
    mixed = proposing(INFO, action, Action(ActionKind.NO_CONFIDENCE))
    assert broken(mixed, RICH, FREE).keys() - {"MissingScriptWitnessesUTXOW"} == rules


def test_deposits_return_to_this_network() -> None:
    rules = broken(proposing(INFO, return_address=ABROAD), RICH, FREE).keys()
    assert rules == {"ProposalProcedureNetworkIdMismatch"}


FATAL = {2, 3, 4, 6, 22, 23, 28, 29, 30, 31}


@pytest.mark.parametrize("key", range(34))
def test_parameters_that_must_not_become_0(key: int) -> None:
    for env, fatal in ((NINE, FATAL), (ENVIRONMENT, FATAL | {17}), (ELEVEN, FATAL | {8, 17})):
        for value in (0, Fraction(0), 1):
            tx = proposing(change(parameters=((7, 1), (key, value))))
            refused = "MalformedProposal" in broken(tx, RICH, FREE, env)
            assert refused == (key in fatal and value == 0)


@given(major=st.integers(0, 13), minor=st.integers(0, 3), current=st.integers(0, 2))
def test_a_hard_fork_is_to_the_next_version(major: int, minor: int, current: int) -> None:
    env = replace(ENVIRONMENT, parameters=replace(PARAMETERS, protocol_minor=current))
    now = PARAMETERS.protocol_major
    follows = (major, minor) in {(now + 1, 0), (now, current + 1)}
    rules = broken(proposing(fork(major, minor)), RICH, FREE, env).keys()
    assert rules == (set() if follows else {"ProposalCantFollow"})


@pytest.mark.parametrize(
    ("version", "rules"),
    [
        ((10, 2), set()),
        ((11, 0), set()),
        ((10, 1), {"ProposalCantFollow"}),
        ((10, 3), {"ProposalCantFollow"}),
        ((12, 0), {"ProposalCantFollow"}),
    ],
)
def test_a_hard_fork_follows_an_open_one(version: tuple[int, int], rules: set[str]) -> None:
    facts = replace(FREE, proposals={OPEN: OpenProposal(fork(10, 1), EPOCH)})
    assert broken(proposing(fork(*version, previous=OPEN)), RICH, facts, TEN).keys() == rules


TEN = Environment(
    ENVIRONMENT.slot,
    ENVIRONMENT.network_id,
    replace(PARAMETERS, protocol_major=10, protocol_minor=0),
)


def test_the_version_after_next_is_not_reached_through_an_open_hard_fork() -> None:
    facts = replace(FREE, proposals={OPEN: OpenProposal(fork(11, 0), EPOCH)})
    assert broken(proposing(fork(11, 1, previous=OPEN)), RICH, facts, TEN) == {}
    found = broken(proposing(fork(12, 0, previous=OPEN)), RICH, facts, TEN)
    assert found.keys() == {"ProposalCantFollow"}


LINEAGES = [
    (ActionPurpose.PARAMETERS, [change()]),
    (ActionPurpose.HARD_FORK, [fork(VERSION[0] + 1, 0)]),
    (ActionPurpose.COMMITTEE, [Action(ActionKind.NO_CONFIDENCE), update()]),
    (ActionPurpose.CONSTITUTION, [Action(ActionKind.NEW_CONSTITUTION)]),
]


@pytest.mark.parametrize(("purpose", "actions"), LINEAGES)
def test_actions_follow_the_last_enacted_or_an_open_one_of_their_purpose(
    purpose: ActionPurpose, actions: list[Action]
) -> None:
    begun = replace(FREE, roots={**ROOTS, purpose: ROOT}, proposals={ROOT: None, UNKNOWN: None})
    for action in actions:
        for previous, facts, good in (
            (None, FREE, True),
            (None, begun, False),
            (ROOT, begun, True),
            (ROOT, replace(FREE, proposals={ROOT: None}), False),
            (UNKNOWN, begun, False),
        ):
            found = broken(proposing(action._replace(previous=previous)), RICH, facts)
            assert found.keys() == (set() if good else {"InvalidPrevGovActionId"})


@pytest.mark.parametrize("parent", [action for _, actions in LINEAGES for action in actions])
@pytest.mark.parametrize(("purpose", "actions"), LINEAGES)
def test_actions_follow_open_ones_of_their_purpose_only(
    parent: Action, purpose: ActionPurpose, actions: list[Action]
) -> None:
    facts = replace(FREE, proposals={OPEN: OpenProposal(parent, EPOCH)})
    same = parent in dict(LINEAGES)[purpose]
    for action in actions:
        found = broken(proposing(action._replace(previous=OPEN)), RICH, facts).keys()
        assert ("InvalidPrevGovActionId" in found) == (not same)


NOBODY = state(accounts={ME: None}, constitution=Constitution(None))


@pytest.mark.parametrize(
    ("action", "rules"),
    [
        (INFO, {"ProposalReturnAccountDoesNotExist"}),
        (
            withdraw(),
            {
                "ProposalReturnAccountDoesNotExist",
                "TreasuryWithdrawalReturnAccountsDoNotExist",
            },
        ),
    ],
)
def test_accounts_must_be_registered(action: Action, rules: set[str]) -> None:
    assert broken(proposing(action), RICH, NOBODY).keys() == rules


def test_the_treasury_pays_registered_accounts_only() -> None:
    other = reward_address(COLD)
    facts = replace(FREE, accounts={ME: HERE, COLD: None})
    tx = proposing(withdraw(withdrawals=((reward_address(ME), 1), (other, 1))))
    found = broken(tx, RICH, facts)
    assert found.keys() == {"TreasuryWithdrawalReturnAccountsDoNotExist"}
    assert other.hex() in found["TreasuryWithdrawalReturnAccountsDoNotExist"]


@pytest.mark.parametrize("action", GOOD)
def test_protocol_version_9_allows_few_proposals(action: Action) -> None:
    allowed = {ActionKind.PARAMETER_CHANGE, ActionKind.HARD_FORK_INITIATION, ActionKind.INFO}
    action = action._replace(version=action.version and (10, 0))
    found = broken(proposing(action), RICH, NOBODY, NINE).keys()
    good = action.kind in allowed
    assert found == (set() if good else {"DisallowedProposalDuringBootstrap"})


def test_guarded_proposals_bring_the_guardrails_script() -> None:
    script = native(b"\x82\x01\x80")
    facts = state(constitution=Constitution(script.hash))
    for action in (change(), withdraw()):
        assert broken(proposing(action), RICH, facts).keys() == {"InvalidGuardrailsScriptHash"}
        tx = proposing(INFO, action._replace(guardrails=script.hash))
        assert broken(tx, RICH, facts).keys() == {"MissingScriptWitnessesUTXOW"}
        needed = find_scripts(resolve(tx, ENVIRONMENT, RICH, facts)).needed
        assert needed == ((5, 1, script.hash),)
        witnesses = replace(tx.witnesses, scripts={script.hash: script})
        assert broken(replace(tx, witnesses=witnesses), RICH, facts) == {}


@pytest.mark.parametrize(
    ("action", "missing", "fact"),
    [
        (INFO, {"accounts": {}}, "account"),
        (withdraw(withdrawals=((reward_address(COLD), 1),)), {}, "account"),
        (change(), {"roots": {}}, "parameters"),
        (change(), {"constitution": None}, "guardrails"),
        (fork(VERSION[0] + 1, 0), {"roots": {}}, "hard fork"),
        (Action(ActionKind.NO_CONFIDENCE, previous=OPEN), {}, "open proposal"),
    ],
)
def test_proposals_are_not_judged_by_facts_that_are_not_known(
    action: Action, missing: dict[str, Any], fact: str
) -> None:
    found = broken(proposing(action), RICH, replace(FREE, **missing))
    assert found.keys() == {"NotJudged"}
    assert fact in found["NotJudged"]
    assert broken(proposing(action), RICH).keys() == {"NotJudged"}


def test_what_proposals_ask_for() -> None:
    tx = proposing(
        withdraw(withdrawals=((reward_address(COLD), 1),)),
        Action(ActionKind.NO_CONFIDENCE, previous=OPEN),
    )
    query = touched(tx)[1]
    assert query.accounts == {ME, COLD}
    assert query.proposals == {OPEN}
    assert query.roots == {ActionPurpose.COMMITTEE}
    assert query.constitution
    assert not query.committee
    assert not touched(proposing(INFO))[1].constitution
