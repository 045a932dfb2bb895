"""Rules over the ledger state beyond outputs, in the ledger's order."""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

from facilitator.cardano.addresses.address import reward_credential
from facilitator.cardano.parameters import DIJKSTRA
from facilitator.cardano.rules.certificates import ABOUT_ACCOUNTS, ABOUT_COMMITTEE, ABOUT_DREPS
from facilitator.cardano.rules.delegation import apply_account_certificate
from facilitator.cardano.rules.dijkstra import check_balances, check_deposits, runs_plutus
from facilitator.cardano.rules.failure import Environment, Failure, refuse_unjudged
from facilitator.cardano.rules.governance_committee import apply_committee_certificate
from facilitator.cardano.rules.governance_lineage import LINEAGE_RULES
from facilitator.cardano.rules.governance_votes import VOTE_RULES
from facilitator.cardano.rules.needed import find_scripts
from facilitator.cardano.rules.registrations import apply_drep_certificate, apply_pool_certificate
from facilitator.cardano.rules.registry import Registry, UnknownFactError, describe
from facilitator.cardano.rules.resolved import ResolvedTransaction
from facilitator.cardano.transaction import Body, Certificate, Credential


def state_failures(resolved: ResolvedTransaction) -> list[Failure]:
    """Conway LEDGER, CERTS and GOV: withdrawals, certificates, then proposals and votes.

    Dijkstra ENTITIES: balance intervals before these, direct deposits after certificates.

    Each certificate is judged after applying those before it. The first unknown fact is refused
    and ends the judging. Proposals and votes are judged after applying all certificates.
    """
    body, env = resolved.tx.body, resolved.env
    failures: list[Failure] = []
    registry = Registry(resolved.state)
    withdraw = _select_withdraw(resolved)
    try:
        if body.treasury is not None:
            failures += _check_treasury(body.treasury, registry.treasury())
        failures += check_balances(body, registry)
        for address, amount in (body.withdrawals or {}).items():
            failures += withdraw(reward_credential(address), amount, env, registry)
        for certificate in body.certificates:
            failures += _apply(certificate, env, registry)
        failures += check_deposits(body, registry)
    except UnknownFactError as unknown:
        return [*failures, _refuse_unknown(unknown)]
    return failures + _check_governance(body, env, registry)


def _check_governance(body: Body, env: Environment, registry: Registry) -> list[Failure]:
    rules = (*(LINEAGE_RULES if body.proposals else ()), *(VOTE_RULES if body.votes else ()))
    failures = []
    for rule in rules:
        try:
            failure = rule(body, env, registry)
        except UnknownFactError as unknown:
            failure = _refuse_unknown(unknown)
        if failure is not None and failure not in failures:
            failures.append(failure)
    return failures


def _refuse_unknown(unknown: UnknownFactError) -> Failure:
    return refuse_unjudged(f"{unknown} is not known, and what depends on it is")


def _check_treasury(claimed: int, held: int) -> list[Failure]:
    """Compare the claimed balance with the treasury's (``ConwayTreasuryValueMismatch``)."""
    if claimed == held:
        return []
    return [
        Failure(
            "ConwayTreasuryValueMismatch",
            f"it says that the treasury holds {claimed} lovelace, which holds {held}",
        )
    ]


_Withdraw: TypeAlias = Callable[[Credential, int, Environment, Registry], list[Failure]]


def _select_withdraw(resolved: ResolvedTransaction) -> _Withdraw:
    """Return the rule of the protocol version in force on withdrawals."""
    if resolved.env.parameters.protocol_major < DIJKSTRA:
        return _withdraw
    return _withdraw_all if runs_plutus(find_scripts(resolved)) else _withdraw_part


def _withdraw_part(
    credential: Credential, amount: int, _env: Environment, registry: Registry
) -> list[Failure]:
    """Apply a withdrawal of Dijkstra: a part may be withdrawn, and needs no DRep.

    Failures: ``WithdrawalAccountsMissing``, ``WithdrawalAmountsExceedingOriginalBalance``.
    """
    return _take(credential, amount, registry, must_be_all=False)


def _withdraw_all(
    credential: Credential, amount: int, _env: Environment, registry: Registry
) -> list[Failure]:
    """Apply a withdrawal of Dijkstra where a script of Plutus V1 to V3 runs (legacy mode).

    Failures: ``WithdrawalAccountsMissing``, ``WithdrawalAmountsInexactInLegacyMode``.
    """
    return _take(credential, amount, registry, must_be_all=True)


def _take(
    credential: Credential, amount: int, registry: Registry, *, must_be_all: bool
) -> list[Failure]:
    account = registry.account(credential)
    if account is None:
        text = f"the account of {describe(credential)} is not registered"
        return [Failure("WithdrawalAccountsMissing", text)]
    registry.set_account(credential, replace(account, reward=max(0, account.reward - amount)))
    if amount > account.reward or (must_be_all and amount != account.reward):
        name = (
            "WithdrawalAmountsInexactInLegacyMode"
            if must_be_all
            else "WithdrawalAmountsExceedingOriginalBalance"
        )
        held = f"the account of {describe(credential)} holds {account.reward}"
        return [Failure(name, f"{amount} lovelace is withdrawn and {held}")]
    return []


def _withdraw(
    credential: Credential, amount: int, env: Environment, registry: Registry
) -> list[Failure]:
    """Apply a withdrawal: ``WithdrawalsNotInRewardsCERTS``, ``ConwayWdrlNotDelegatedToDRep``.

    A withdrawal takes all of an account's reward. From protocol version 10 on, a key's account
    must delegate its vote. From version 11 on, the first failure has two names:
    ``ConwayWithdrawalsMissingAccounts`` and ``ConwayIncompleteWithdrawals``.
    """
    failures = []
    account = registry.account(credential)
    if account is None or account.reward != amount:
        held = "is not registered" if account is None else f"holds {account.reward}"
        missing = "ConwayWithdrawalsMissingAccounts"
        new_name = missing if account is None else "ConwayIncompleteWithdrawals"
        failures.append(
            Failure(
                new_name if env.parameters.protocol_major > 10 else "WithdrawalsNotInRewardsCERTS",
                f"{amount} lovelace is withdrawn and the account of {describe(credential)} {held}",
            )
        )
    delegates = credential.is_script or (account is not None and account.drep is not None)
    if env.parameters.protocol_major > 9 and not delegates:
        failures.append(
            Failure(
                "ConwayWdrlNotDelegatedToDRep",
                f"the account of {describe(credential)} does not delegate its vote",
            )
        )
    if account is not None:
        registry.set_account(credential, replace(account, reward=0))
    return failures


def _apply(certificate: Certificate, env: Environment, registry: Registry) -> list[Failure]:
    credential, pool = certificate.credential, certificate.pool
    if credential is not None and certificate.kind in ABOUT_ACCOUNTS:
        return apply_account_certificate(certificate, credential, env, registry)
    if credential is not None and certificate.kind in ABOUT_DREPS:
        return apply_drep_certificate(certificate, credential, env, registry)
    if credential is not None and certificate.kind in ABOUT_COMMITTEE:
        return apply_committee_certificate(certificate, credential, registry)
    if pool is not None:
        return apply_pool_certificate(certificate, pool, env, registry)
    return [refuse_unjudged(f"certificates of kind {certificate.kind} are")]
