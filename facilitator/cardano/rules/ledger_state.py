"""Rules over the ledger state beyond outputs: treasury, withdrawals, certificates in order."""

from dataclasses import replace

from facilitator.cardano.address import reward_credential
from facilitator.cardano.rules.certificates import ABOUT_ACCOUNTS, ABOUT_DREPS, COMMITTEE
from facilitator.cardano.rules.delegation import apply_account_certificate
from facilitator.cardano.rules.failure import Environment, Failure, not_judged
from facilitator.cardano.rules.registrations import apply_drep_certificate, apply_pool_certificate
from facilitator.cardano.rules.registry import Registry, UnknownFactError, describe
from facilitator.cardano.rules.resolved import Resolved
from facilitator.cardano.transaction import Certificate, Credential


def state_failures(resolved: Resolved) -> list[Failure]:
    """Conway LEDGER and CERTS: withdrawals first, then each certificate on top of those before.

    Ends at the first fact that is not known, with a refusal that names it.
    """
    body, env = resolved.tx.body, resolved.env
    failures: list[Failure] = []
    registry = Registry(resolved.state)
    try:
        if body.treasury is not None:
            failures += _treasury(body.treasury, registry.treasury())
        for address, amount in (body.withdrawals or {}).items():
            failures += _withdraw(reward_credential(address), amount, env, registry)
        for certificate in body.certificates:
            failures += _apply(certificate, env, registry)
    except UnknownFactError as unknown:
        failures.append(not_judged(f"{unknown} is not known, and what depends on it is"))
    return failures


def _treasury(claimed: int, held: int) -> list[Failure]:
    """``ConwayTreasuryValueMismatch``."""
    if claimed == held:
        return []
    return [
        Failure(
            "ConwayTreasuryValueMismatch",
            f"it says that the treasury holds {claimed} lovelace, which holds {held}",
        )
    ]


def _withdraw(
    credential: Credential, amount: int, env: Environment, registry: Registry
) -> list[Failure]:
    """``WithdrawalsNotInRewardsCERTS``, ``ConwayWdrlNotDelegatedToDRep``.

    A withdrawal takes all of an account's reward; from protocol version 10 on, a key's account
    must delegate its vote.
    """
    failures = []
    account = registry.account(credential)
    if account is None or account.reward != amount:
        held = "is not registered" if account is None else f"holds {account.reward}"
        failures.append(
            Failure(
                "WithdrawalsNotInRewardsCERTS",
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
    if certificate.kind in COMMITTEE:
        return []  # refused by a static rule
    if pool is not None:
        return apply_pool_certificate(certificate, pool, env, registry)
    return [not_judged(f"certificates of kind {certificate.kind} are")]
