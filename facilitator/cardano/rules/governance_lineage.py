"""Rules over the ledger state that proposals follow and refer to (Conway GOV)."""

from collections.abc import Iterator

from facilitator.cardano.addresses.address import reward_credential
from facilitator.cardano.rules.failure import Environment, Failure, format_items
from facilitator.cardano.rules.governance import is_bootstrap_phase, needs_guardrails, purpose_of
from facilitator.cardano.rules.registry import Registry
from facilitator.cardano.transaction import Action, Body


def return_account_does_not_exist(
    body: Body, env: Environment, registry: Registry
) -> Failure | None:
    """``ProposalReturnAccountDoesNotExist``: deposits return to registered accounts.

    Not in force in protocol version 9, like the next rule.
    """
    addresses = [proposal.return_address for proposal in body.proposals]
    return _check_registered("ProposalReturnAccountDoesNotExist", addresses, env, registry)


def treasury_accounts_do_not_exist(
    body: Body, env: Environment, registry: Registry
) -> Failure | None:
    """``TreasuryWithdrawalReturnAccountsDoNotExist``: the treasury pays registered accounts."""
    addresses = [address for action in _actions(body) for address, _ in action.withdrawals]
    return _check_registered("TreasuryWithdrawalReturnAccountsDoNotExist", addresses, env, registry)


def invalid_guardrails_script(body: Body, _env: Environment, registry: Registry) -> Failure | None:
    """``InvalidGuardrailsScriptHash``: proposals name the constitution's guardrails script."""
    named = [action.guardrails for action in _actions(body) if needs_guardrails(action)]
    if not named:
        return None
    script = registry.guardrails()
    wrong = [_format_hash(guardrails) for guardrails in named if guardrails != script]
    if not wrong:
        return None
    return Failure(
        "InvalidGuardrailsScriptHash",
        f"proposals name {format_items(wrong)} as guardrails script, the constitution's is "
        f"{_format_hash(script)}",
    )


def invalid_previous_action(body: Body, _env: Environment, registry: Registry) -> Failure | None:
    """``InvalidPrevGovActionId``: the last enacted action or an open one of the same purpose."""
    wrong = [
        f"{action.previous or 'none'}"
        for action in _actions(body)
        if not _has_parent(action, registry)
    ]
    if not wrong:
        return None
    return Failure(
        "InvalidPrevGovActionId", f"proposals cannot follow these actions: {format_items(wrong)}"
    )


def proposal_cannot_follow(body: Body, env: Environment, registry: Registry) -> Failure | None:
    """``ProposalCantFollow``: a hard fork is to the next major or minor version."""
    wrong = []
    for action in _actions(body):
        version, before = action.version, _find_preceding_version(action, env, registry)
        if version is None or before is None:
            continue
        major, minor = before
        if version not in ((major + 1, 0), (major, minor + 1)):
            wrong.append(f"{_format_version(version)} after {_format_version(before)}")
    if not wrong:
        return None
    return Failure("ProposalCantFollow", f"protocol versions cannot follow: {format_items(wrong)}")


LINEAGE_RULES = (
    return_account_does_not_exist,
    treasury_accounts_do_not_exist,
    invalid_guardrails_script,
    proposal_cannot_follow,
    invalid_previous_action,
)
"""Each raises :class:`~facilitator.cardano.rules.registry.UnknownFactError` without its facts."""


def _actions(body: Body) -> Iterator[Action]:
    return (proposal.action for proposal in body.proposals)


def _check_registered(
    rule: str, addresses: list[bytes], env: Environment, registry: Registry
) -> Failure | None:
    if is_bootstrap_phase(env):
        return None
    wrong = [
        address.hex()
        for address in addresses
        if registry.account(reward_credential(address)) is None
    ]
    return Failure(rule, f"no such accounts: {format_items(wrong)}") if wrong else None


def _has_parent(action: Action, registry: Registry) -> bool:
    """Return True if the action follows an allowed one (Conway ``proposalsAddAction``)."""
    purpose = purpose_of(action)
    if purpose is None or action.previous == registry.root(purpose):
        return True
    parent = None if action.previous is None else registry.proposal(action.previous)
    return parent is not None and purpose_of(parent.action) is purpose


def _find_preceding_version(
    action: Action, env: Environment, registry: Registry
) -> tuple[int, int] | None:
    """Return the version that the action follows (Conway ``preceedingHardFork``).

    Return ``None`` if another rule refuses the action that it follows.
    """
    purpose = purpose_of(action)
    if action.version is None or purpose is None:
        return None
    current = (env.parameters.protocol_major, env.parameters.protocol_minor)
    if action.version[0] > current[0] + 1 or action.previous == registry.root(purpose):
        return current
    parent = None if action.previous is None else registry.proposal(action.previous)
    return None if parent is None else parent.action.version


def _format_hash(script: bytes | None) -> str:
    return "none" if script is None else script.hex()


def _format_version(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]}"
