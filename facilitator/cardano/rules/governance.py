"""What kinds of voter and of governance action mean (CDDL ``voter``, ``gov_action``; CIP-1694)."""

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
    """The credential of a voter: a committee member's hot one, a DRep's or a pool's key."""
    return Credential(voter.kind in _SCRIPT_VOTERS, voter.hash)


def purpose_of(action: Action) -> ActionPurpose | None:
    """Which actions it can follow; ``None`` when it is of a kind that follows none."""
    return _PURPOSES.get(action.kind)


def guarded(action: Action) -> bool:
    """Whether it must name the constitution's guardrails script."""
    return action.kind in (ActionKind.PARAMETER_CHANGE, ActionKind.TREASURY_WITHDRAWALS)


def bootstrapping(env: Environment) -> bool:
    """Conway ``hardforkConwayBootstrapPhase``: governance is limited in protocol version 9."""
    return env.parameters.protocol_major == _BOOTSTRAP_VERSION


def allowed_in_bootstrap(action: Action) -> bool:
    """Conway GOV, ``isBootstrapAction``."""
    return action.kind in (
        ActionKind.PARAMETER_CHANGE,
        ActionKind.HARD_FORK_INITIATION,
        ActionKind.INFO,
    )
