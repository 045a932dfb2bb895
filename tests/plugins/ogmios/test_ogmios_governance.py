"""Governance: open proposals, the committee and the constitution, as each version shows them."""

from collections.abc import Mapping
from typing import Any

import pytest

from facilitator.cardano.state import CommitteeMember, Constitution, OpenProposal, StateQuery
from facilitator.cardano.transaction import Action, ActionId, ActionKind, Credential
from facilitator.plugin import ChainUnavailable
from facilitator.testing.clock import ManualClock
from support.ogmios import Error
from support.ogmios_state import state

ACTION = ActionId(b"\x22" * 32, 3)
ADA = {"ada": {"lovelace": 7}}
COMMITTEE = StateQuery(committee=True)
HOT = Credential(is_script=True, hash=b"\x99" * 28)
NO_METHOD = Error(-32_600, "unknown method in 'method'")


def proposal(action: Mapping[str, Any]) -> Mapping[str, Any]:
    reference = {"transaction": {"id": ACTION.transaction_id.hex()}, "index": ACTION.index}
    return {"proposal": reference, "action": action, "until": {"epoch": 9}}


def shown_as(credential: Credential) -> Mapping[str, Any]:
    origin = "script" if credential.is_script else "verificationKey"
    return {"id": credential.hash.hex(), "from": origin}


def cold(number: int) -> Credential:
    return Credential(is_script=bool(number % 2), hash=bytes([number]) * 28)


def member(number: int, status: str, delegate: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**shown_as(cold(number)), "status": status, "delegate": delegate}


def joining(*numbers: int) -> Mapping[str, Any]:
    """A proposal to have these join the committee."""
    added = [{**shown_as(cold(number)), "mandate": {"epoch": 900}} for number in numbers]
    return proposal({"type": "constitutionalCommittee", "members": {"added": added, "removed": []}})


@pytest.mark.parametrize(
    ("shown", "action"),
    [
        ({"type": "information"}, Action(ActionKind.INFO)),
        (
            {"type": "hardForkInitiation", "version": {"major": 12, "minor": 0}},
            Action(ActionKind.HARD_FORK_INITIATION, version=(12, 0)),
        ),
        (
            {"type": "protocolParametersUpdate", "parameters": {"maxValueSize": {"bytes": 1}}},
            Action(ActionKind.PARAMETER_CHANGE, parameters=((22, None),)),
        ),
        (
            {
                "type": "protocolParametersUpdate",
                "parameters": {"stakePoolDeposit": ADA, "minFeeConstant": ADA},
            },
            Action(ActionKind.PARAMETER_CHANGE, parameters=((1, None), (6, None))),
        ),
        ({"type": "protocolParametersUpdate", "parameters": {"somethingNew": 1}}, None),
        ({"type": "somethingNew"}, None),
    ],
)
def test_a_proposal_has_what_votes_on_it_depend_on(
    clock: ManualClock, shown: Mapping[str, Any], action: Action | None
) -> None:
    found = state(
        clock,
        StateQuery(proposals=frozenset({ACTION}), treasury=True, constitution=True),
        governanceProposals=[proposal(shown)],
        treasuryAndReserves={"treasury": ADA, "reserves": ADA},
        constitution={"guardrails": {"hash": "33" * 28}, "metadata": {}},
    )
    assert found.proposals == ({} if action is None else {ACTION: OpenProposal(action, 9)})
    assert (found.treasury, found.constitution) == (7, Constitution(b"\x33" * 28))


def test_a_constitution_may_have_no_guardrails(clock: ManualClock) -> None:
    found = state(clock, StateQuery(constitution=True), constitution={"guardrails": None})
    assert found.constitution == Constitution(None)


def test_the_committee_has_its_members_and_those_proposed(clock: ManualClock) -> None:
    authorized = {"status": "authorized", **shown_as(HOT)}
    members = [
        member(1, "active", authorized),
        member(2, "expired", {"status": "resigned"}),
        member(3, "unrecognized", authorized),
        member(4, "active", {"status": "none"}),
    ]
    found = state(
        clock,
        COMMITTEE,
        constitutionalCommittee={"members": members, "quorum": "2/3"},
        governanceProposals=[proposal({"type": "information"}), joining(4, 5)],
    )
    assert found.committee == {
        cold(1): CommitteeMember(elected=True, hot=HOT),
        cold(2): CommitteeMember(elected=True, resigned=True),
        cold(3): CommitteeMember(elected=False, hot=HOT),
        cold(4): CommitteeMember(elected=True, proposed=True),
        cold(5): CommitteeMember(elected=False, proposed=True),
    }


@pytest.mark.parametrize(
    ("version", "is_known"),
    [
        ("v6.11.1 (abc)", False),
        ("6.10.9", False),
        ("nightly", False),
        ("v6.11.2", True),
        ("v6.12", True),
        ("7.0.0", True),
    ],
)
def test_a_version_that_leaves_proposals_out_leaves_the_committee_unknown(
    clock: ManualClock, version: str, is_known: bool
) -> None:
    """One that is proposed could else be taken for a stranger."""
    found = state(
        clock,
        COMMITTEE,
        version,
        constitutionalCommittee={"members": [], "quorum": None},
        governanceProposals=[joining(5)],
    )
    assert found.committee == ({cold(5): CommitteeMember(False, True)} if is_known else None)


@pytest.mark.parametrize("shown", [None, NO_METHOD])
def test_without_a_committee_its_members_are_unknown(clock: ManualClock, shown: Any) -> None:
    found = state(clock, COMMITTEE, constitutionalCommittee=shown, governanceProposals=[])
    assert found.committee is None


@pytest.mark.parametrize(
    "row",
    [
        member(1, "retired", {"status": "none"}),
        member(1, "active", {"status": "somethingNew"}),
        member(1, "active", {"status": "authorized"}),
        {"id": "00" * 28, "status": "active", "delegate": {"status": "none"}},
        {},
    ],
)
def test_a_committee_that_none_would_give_is_no_verdict(clock: ManualClock, row: Any) -> None:
    with pytest.raises(ChainUnavailable):
        state(
            clock,
            COMMITTEE,
            constitutionalCommittee={"members": [row], "quorum": None},
            governanceProposals=[],
        )


def test_a_version_without_the_queries_leaves_governance_unknown(clock: ManualClock) -> None:
    query = StateQuery(proposals=frozenset({ACTION}), constitution=True, committee=True)
    found = state(
        clock,
        query,
        governanceProposals=NO_METHOD,
        constitution=NO_METHOD,
        constitutionalCommittee=NO_METHOD,
    )
    assert (found.proposals, found.constitution, found.committee) == ({}, None, None)
