"""Rules over proposals that need only the transaction and its environment (Conway GOV)."""

from collections.abc import Iterator

from facilitator.cardano.rules.failure import Environment, Failure, format_items
from facilitator.cardano.rules.governance import is_allowed_in_bootstrap, is_bootstrap_phase
from facilitator.cardano.rules.registry import describe
from facilitator.cardano.transaction import Action, ActionKind, Transaction

_NEVER_ZERO = frozenset({2, 3, 4, 6, 22, 23, 28, 29, 30, 31})
"""CDDL keys of parameters that no update may set to 0."""
_UTXO_COST, _POOL_COUNT = 17, 8
_POOL_COUNT_CHECKED_FROM = 11


def proposal_during_bootstrap(tx: Transaction, env: Environment) -> Failure | None:
    """``DisallowedProposalDuringBootstrap``: what may be proposed in protocol version 9."""
    wrong = [action.kind for action in _actions(tx) if not is_allowed_in_bootstrap(action)]
    if not is_bootstrap_phase(env) or not wrong:
        return None
    kinds = format_items([kind.name.lower().replace("_", " ") for kind in wrong])
    return Failure(
        "DisallowedProposalDuringBootstrap", f"protocol version 9 does not allow: {kinds}"
    )


def malformed_proposal(tx: Transaction, env: Environment) -> Failure | None:
    """``MalformedProposal``: a parameter update changes something, and nothing to a fatal 0."""
    updates = [action for action in _actions(tx) if action.kind == ActionKind.PARAMETER_CHANGE]
    if all(action.parameters for action in updates):
        zeros = [
            f"{key}"
            for action in updates
            for key, value in action.parameters
            if value == 0 and _must_not_be_zero(key, env)
        ]
        if not zeros:
            return None
        return Failure(
            "MalformedProposal", f"parameters of these keys are 0: {format_items(zeros)}"
        )
    return Failure("MalformedProposal", "a parameter update changes no parameter")


def proposal_deposit_incorrect(tx: Transaction, env: Environment) -> Failure | None:
    """``ProposalDepositIncorrect``: each proposal names the deposit that is due."""
    due = env.parameters.gov_action_deposit
    wrong = [f"{proposal.deposit}" for proposal in tx.body.proposals if proposal.deposit != due]
    if not wrong:
        return None
    return Failure(
        "ProposalDepositIncorrect",
        f"proposals name {format_items(wrong)} lovelace as their deposit, which is {due}",
    )


def proposal_network_mismatch(tx: Transaction, env: Environment) -> Failure | None:
    """``ProposalProcedureNetworkIdMismatch``: deposits return to this network."""
    return _check_network(
        "ProposalProcedureNetworkIdMismatch",
        [proposal.return_address for proposal in tx.body.proposals],
        env,
    )


def treasury_withdrawals_network_mismatch(tx: Transaction, env: Environment) -> Failure | None:
    """``TreasuryWithdrawalsNetworkIdMismatch``: the treasury pays to this network."""
    return _check_network(
        "TreasuryWithdrawalsNetworkIdMismatch",
        [address for action in _actions(tx) for address, _ in action.withdrawals],
        env,
    )


def zero_treasury_withdrawals(tx: Transaction, _env: Environment) -> Failure | None:
    """``ZeroTreasuryWithdrawals``: something is to be withdrawn."""
    for action in _actions(tx):
        if action.kind == ActionKind.TREASURY_WITHDRAWALS and not any(
            amount for _, amount in action.withdrawals
        ):
            return Failure("ZeroTreasuryWithdrawals", "treasury withdrawals of 0 are proposed")
    return None


def conflicting_committee_update(tx: Transaction, _env: Environment) -> Failure | None:
    """``ConflictingCommitteeUpdate``: no member both joins and leaves the committee."""
    both = [
        describe(cold)
        for action in _actions(tx)
        for cold, _ in action.added
        if cold in action.removed
    ]
    if not both:
        return None
    return Failure(
        "ConflictingCommitteeUpdate",
        f"proposed to join and to leave the committee: {format_items(both)}",
    )


def expiration_epoch_too_small(tx: Transaction, env: Environment) -> Failure | None:
    """``ExpirationEpochTooSmall``: who joins the committee serves beyond this epoch."""
    epoch = env.parameters.epoch
    early = [
        f"{describe(cold)} until epoch {last}"
        for action in _actions(tx)
        for cold, last in action.added
        if last <= epoch
    ]
    if not early:
        return None
    return Failure(
        "ExpirationEpochTooSmall",
        f"this is epoch {epoch}, members would serve: {format_items(early)}",
    )


PROPOSAL_RULES = (
    proposal_during_bootstrap,
    malformed_proposal,
    proposal_deposit_incorrect,
    proposal_network_mismatch,
    treasury_withdrawals_network_mismatch,
    zero_treasury_withdrawals,
    conflicting_committee_update,
    expiration_epoch_too_small,
)


def _actions(tx: Transaction) -> Iterator[Action]:
    return (proposal.action for proposal in tx.body.proposals)


def _must_not_be_zero(key: int, env: Environment) -> bool:
    """Return True if the parameter must not be 0 in this version (Conway ``ppuWellFormed``)."""
    if key == _UTXO_COST:
        return not is_bootstrap_phase(env)
    if key == _POOL_COUNT:
        return env.parameters.protocol_major >= _POOL_COUNT_CHECKED_FROM
    return key in _NEVER_ZERO


def _check_network(rule: str, addresses: list[bytes], env: Environment) -> Failure | None:
    wrong = [address.hex() for address in addresses if address[0] & 15 != env.network_id]
    if not wrong:
        return None
    return Failure(
        rule, f"reward addresses are not of network id {env.network_id}: {format_items(wrong)}"
    )
