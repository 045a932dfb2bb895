"""The kinds of voters and of governance actions (CDDL ``voter``, ``gov_action``; CIP-1694)."""

from facilitator.cardano.rules.failure import Environment
from facilitator.cardano.state import ActionPurpose
from facilitator.cardano.transaction import Action, ActionKind, Credential, Voter

COMMITTEE_VOTERS = frozenset({0, 1})
DREP_VOTERS = frozenset({2, 3})
POOL_VOTERS = frozenset({4})
_SCRIPT_VOTERS = frozenset({1, 3})

_PURPOSES = {
    ActionKind.PARAMETER_CHANGE: ActionPurpose.PARAMETERS,
    ActionKind.HARD_FORK_INITIATION: ActionPurpose.HARD_FORK,
    ActionKind.NO_CONFIDENCE: ActionPurpose.COMMITTEE,
    ActionKind.UPDATE_COMMITTEE: ActionPurpose.COMMITTEE,
    ActionKind.NEW_CONSTITUTION: ActionPurpose.CONSTITUTION,
}
_BOOTSTRAP_VERSION = 9


def voter_credential(voter: Voter) -> Credential:
    """Return a voter's credential: a committee member's hot one, a DRep's or a pool's key."""
    return Credential(voter.kind in _SCRIPT_VOTERS, voter.hash)


def purpose_of(action: Action) -> ActionPurpose | None:
    """Return the purpose of actions that it can follow; ``None`` if its kind follows none."""
    return _PURPOSES.get(action.kind)


def needs_guardrails(action: Action) -> bool:
    """Return True if the action must name the constitution's guardrails script."""
    return action.kind in (ActionKind.PARAMETER_CHANGE, ActionKind.TREASURY_WITHDRAWALS)


def is_bootstrap_phase(env: Environment) -> bool:
    """Return True in protocol version 9, which limits governance.

    Conway ``hardforkConwayBootstrapPhase``.
    """
    return env.parameters.protocol_major == _BOOTSTRAP_VERSION


def is_allowed_in_bootstrap(action: Action) -> bool:
    """Return True if version 9 allows the action (Conway GOV, ``isBootstrapAction``)."""
    return action.kind in (
        ActionKind.PARAMETER_CHANGE,
        ActionKind.HARD_FORK_INITIATION,
        ActionKind.INFO,
    )
