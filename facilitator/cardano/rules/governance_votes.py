"""Rules over votes (Conway GOV), after applying the transaction's certificates."""

from collections.abc import Iterator

from facilitator.cardano.rules.failure import Environment, Failure, format_items
from facilitator.cardano.rules.governance import (
    COMMITTEE_VOTERS,
    DREP_VOTERS,
    POOL_VOTERS,
    is_allowed_in_bootstrap,
    is_bootstrap_phase,
    voter_credential,
)
from facilitator.cardano.rules.registry import Registry, describe
from facilitator.cardano.state import OpenProposal
from facilitator.cardano.transaction import Action, ActionKind, Body, Vote, Voter

_SECURITY_PARAMETERS = frozenset({0, 1, 2, 3, 4, 17, 21, 22, 30, 33})
"""CDDL keys of the parameters in the ledger's ``SecurityGroup``, which pools vote on."""
_ONLY_ELECTED_VOTE_FROM = 11


def voters_do_not_exist(body: Body, _env: Environment, registry: Registry) -> Failure | None:
    """``VotersDoNotExist``: an authorized hot credential, a registered DRep or pool votes."""
    unknown = [_describe(voter) for voter in body.voters if not _exists(voter, registry)]
    if not unknown:
        return None
    return Failure("VotersDoNotExist", f"there are no such voters: {format_items(unknown)}")


def unelected_committee_voters(body: Body, env: Environment, registry: Registry) -> Failure | None:
    """``UnelectedCommitteeVoters``: from protocol version 11 on, only elected members vote."""
    voters = [voter for voter in body.voters if voter.kind in COMMITTEE_VOTERS]
    if not voters or env.parameters.protocol_major < _ONLY_ELECTED_VOTE_FROM:
        return None
    elected = {member.hot for member in registry.committee().values() if member.elected}
    unelected = [_describe(voter) for voter in voters if voter_credential(voter) not in elected]
    if not unelected:
        return None
    return Failure(
        "UnelectedCommitteeVoters", f"no member in office authorized {format_items(unelected)}"
    )


def gov_actions_do_not_exist(body: Body, _env: Environment, registry: Registry) -> Failure | None:
    """``GovActionsDoNotExist``: votes are on open proposals."""
    actions = dict.fromkeys(vote.action for vote in body.votes)
    unknown = [str(action) for action in actions if registry.proposal(action) is None]
    if not unknown:
        return None
    return Failure(
        "GovActionsDoNotExist", f"there are no such open proposals: {format_items(unknown)}"
    )


def disallowed_votes_during_bootstrap(
    body: Body, env: Environment, registry: Registry
) -> Failure | None:
    """``DisallowedVotesDuringBootstrap``: in protocol version 9 DReps vote on info actions only."""
    if not is_bootstrap_phase(env):
        return None
    return _refuse_votes(
        "DisallowedVotesDuringBootstrap",
        "protocol version 9 does not allow these votes",
        [
            vote
            for vote, proposal in _find_known_votes(body, registry)
            if not _may_vote_in_bootstrap(vote.voter, proposal.action)
        ],
    )


def voting_on_expired_action(body: Body, env: Environment, registry: Registry) -> Failure | None:
    """``VotingOnExpiredGovAction``: votes come no later than the proposal's last epoch."""
    epoch = env.parameters.epoch
    return _refuse_votes(
        "VotingOnExpiredGovAction",
        f"these votes are on actions that expired before epoch {epoch}",
        [
            vote
            for vote, proposal in _find_known_votes(body, registry)
            if epoch > proposal.expires_after
        ],
    )


def disallowed_voters(body: Body, _env: Environment, registry: Registry) -> Failure | None:
    """``DisallowedVoters``: everyone votes only on what concerns them (CIP-1694)."""
    return _refuse_votes(
        "DisallowedVoters",
        "these voters have no say in these actions",
        [
            vote
            for vote, proposal in _find_known_votes(body, registry)
            if not _may_vote(vote.voter, proposal.action)
        ],
    )


VOTE_RULES = (
    unelected_committee_voters,
    voters_do_not_exist,
    gov_actions_do_not_exist,
    disallowed_votes_during_bootstrap,
    voting_on_expired_action,
    disallowed_voters,
)
"""Each raises :class:`~facilitator.cardano.rules.registry.UnknownFactError` without its facts."""


def _exists(voter: Voter, registry: Registry) -> bool:
    if voter.kind in POOL_VOTERS:
        return registry.has_pool(voter.hash)
    credential = voter_credential(voter)
    if voter.kind in DREP_VOTERS:
        return registry.drep(credential) is not None
    return any(member.hot == credential for member in registry.committee().values())


def _find_known_votes(body: Body, registry: Registry) -> Iterator[tuple[Vote, OpenProposal]]:
    for vote in body.votes:
        if (proposal := registry.proposal(vote.action)) is not None:
            yield vote, proposal


def _may_vote_in_bootstrap(voter: Voter, action: Action) -> bool:
    if voter.kind in DREP_VOTERS:
        return action.kind == ActionKind.INFO
    return is_allowed_in_bootstrap(action)


def _may_vote(voter: Voter, action: Action) -> bool:
    """Return True if the voter may vote on the action; DReps always may.

    Conway ``isCommitteeVotingAllowed``, ``isStakePoolVotingAllowed``.
    """
    kind = action.kind
    if voter.kind in COMMITTEE_VOTERS:
        return kind not in (ActionKind.NO_CONFIDENCE, ActionKind.UPDATE_COMMITTEE)
    if voter.kind in POOL_VOTERS:
        if kind == ActionKind.PARAMETER_CHANGE:
            return any(key in _SECURITY_PARAMETERS for key, _ in action.parameters)
        return kind not in (ActionKind.NEW_CONSTITUTION, ActionKind.TREASURY_WITHDRAWALS)
    return True


def _refuse_votes(rule: str, why: str, votes: list[Vote]) -> Failure | None:
    if not votes:
        return None
    named = [f"{_describe(vote.voter)} on {vote.action}" for vote in votes]
    return Failure(rule, f"{why}: {format_items(named)}")


def _describe(voter: Voter) -> str:
    role = ("committee", "committee", "DRep", "DRep", "pool")[voter.kind]
    return f"{role} {describe(voter_credential(voter))}"
