"""Open proposals, the committee and the constitution, as of one point.

Ogmios has no query for the last enacted actions, which stay unknown.
"""

from collections.abc import Collection, Mapping
from typing import Any

from facilitator.cardano.ogmios.fields import (
    Malformed,
    Row,
    inner,
    raw_bytes,
    rows,
    table,
    text,
    whole,
)
from facilitator.cardano.state import CommitteeMember, Constitution, OpenProposal
from facilitator.cardano.transaction import Action, ActionId, ActionKind, Credential
from facilitator_ogmios.client import Session
from facilitator_ogmios.credentials import HASH_SIZE, read_credential

_KINDS = {
    "protocolParametersUpdate": ActionKind.PARAMETER_CHANGE,
    "hardForkInitiation": ActionKind.HARD_FORK_INITIATION,
    "treasuryWithdrawals": ActionKind.TREASURY_WITHDRAWALS,
    "noConfidence": ActionKind.NO_CONFIDENCE,
    "constitutionalCommittee": ActionKind.UPDATE_COMMITTEE,
    "constitution": ActionKind.NEW_CONSTITUTION,
    "information": ActionKind.INFO,
}
_PARAMETERS = {
    "minFeeCoefficient": 0,
    "minFeeConstant": 1,
    "maxBlockBodySize": 2,
    "maxTransactionSize": 3,
    "maxBlockHeaderSize": 4,
    "stakeCredentialDeposit": 5,
    "stakePoolDeposit": 6,
    "stakePoolRetirementEpochBound": 7,
    "desiredNumberOfStakePools": 8,
    "stakePoolPledgeInfluence": 9,
    "monetaryExpansion": 10,
    "treasuryExpansion": 11,
    "minStakePoolCost": 16,
    "minUtxoDepositCoefficient": 17,
    "plutusCostModels": 18,
    "scriptExecutionPrices": 19,
    "maxExecutionUnitsPerTransaction": 20,
    "maxExecutionUnitsPerBlock": 21,
    "maxValueSize": 22,
    "collateralPercentage": 23,
    "maxCollateralInputs": 24,
    "stakePoolVotingThresholds": 25,
    "delegateRepresentativeVotingThresholds": 26,
    "constitutionalCommitteeMinSize": 27,
    "constitutionalCommitteeMaxTermLength": 28,
    "governanceActionLifetime": 29,
    "governanceActionDeposit": 30,
    "delegateRepresentativeDeposit": 31,
    "delegateRepresentativeMaxIdleTime": 32,
    "minFeeReferenceScripts": 33,
}
"""Ogmios' names of the parameters, with their keys (Conway CDDL, ``protocol_param_update``)."""
_ELECTED = {"active": True, "expired": True, "unrecognized": False}
"""The statuses of a committee member, and if the committee in office has it."""
_DELEGATES = ("authorized", "resigned", "none")


def read_proposals(
    session: Session, actions: Collection[ActionId]
) -> Mapping[ActionId, OpenProposal | None]:
    """Return the open ones of these. Versions before 6.11.2 don't show all that are open."""

    def read(result: Any) -> Mapping[ActionId, OpenProposal | None]:
        found = {}
        for row in rows(result, "proposals"):
            reference, action = inner(row, "proposal"), _action(inner(row, "action"))
            if action is not None:
                action_id = raw_bytes(inner(reference, "transaction"), "id", 32)
                name = ActionId(action_id, whole(reference, "index"))
                found[name] = OpenProposal(action, whole(inner(row, "until"), "epoch"))
        return {name: found[name] for name in actions if name in found}

    wanted = [
        {"transaction": {"id": each.transaction_id.hex()}, "index": each.index} for each in actions
    ]
    return session.ask("queryLedgerState/governanceProposals", read, proposals=wanted)


def read_committee(session: Session) -> Mapping[Credential, CommitteeMember] | None:
    """Return the members, elected, proposed or with a hot credential; ``None`` if there are none.

    Needs all open proposals: version 6.11.2. Without a committee, nothing is shown of those that
    authorized a hot credential, so that the members are not known.
    """
    members = session.ask("queryLedgerState/constitutionalCommittee", _members)
    if members is None:
        return None
    found = dict(members)
    for cold in session.ask("queryLedgerState/governanceProposals", _proposed_members):
        member = found.get(cold, CommitteeMember(elected=False))
        found[cold] = CommitteeMember(member.elected, True, member.hot, member.resigned)
    return found


def read_constitution(session: Session) -> Constitution:
    """Return the constitution in force."""

    def read(result: Any) -> Constitution:
        guardrails = table(result, "the constitution").get("guardrails")
        if guardrails is None:
            return Constitution(None)
        return Constitution(raw_bytes(table(guardrails, "guardrails"), "hash", HASH_SIZE))

    return session.ask("queryLedgerState/constitution", read)


def _action(shown: Row) -> Action | None:
    """Return the action with what votes on it and proposals after it depend on.

    ``None`` for a kind or a parameter that is not known.
    """
    kind = _KINDS.get(text(shown, "type"))
    if kind is ActionKind.HARD_FORK_INITIATION:
        version = inner(shown, "version")
        return Action(kind, version=(whole(version, "major"), whole(version, "minor")))
    if kind is ActionKind.PARAMETER_CHANGE:
        changed = inner(shown, "parameters")
        if not changed.keys() <= _PARAMETERS.keys():
            return None
        return Action(
            kind,
            parameters=tuple(sorted((_PARAMETERS[name], None) for name in changed)),
        )
    return None if kind is None else Action(kind)


def _members(result: Any) -> Mapping[Credential, CommitteeMember] | None:
    if result is None:
        return None
    found = {}
    for row in rows(table(result, "the committee").get("members"), "members"):
        delegate = inner(row, "delegate")
        status, choice = text(row, "status"), text(delegate, "status")
        if status not in _ELECTED or choice not in _DELEGATES:
            raise Malformed("a committee member has an unknown status")
        found[read_credential(row, "id")] = CommitteeMember(
            elected=_ELECTED[status],
            hot=read_credential(delegate, "id") if choice == "authorized" else None,
            resigned=choice == "resigned",
        )
    return found


def _proposed_members(result: Any) -> Collection[Credential]:
    """Return the cold credentials that open proposals would add to the committee."""
    actions = [inner(row, "action") for row in rows(result, "proposals")]
    return {
        read_credential(member, "id")
        for action in actions
        if _KINDS.get(text(action, "type")) is ActionKind.UPDATE_COMMITTEE
        for member in rows(inner(action, "members").get("added"), "added")
    }
