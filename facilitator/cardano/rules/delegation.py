"""Rules over certificates about stake accounts (Conway DELEG)."""

from facilitator.cardano.rules.certificates import DEREGISTERS_ACCOUNT, REGISTERS_ACCOUNT
from facilitator.cardano.rules.failure import Environment, Failure
from facilitator.cardano.rules.registry import Registry, describe, refuse_amount
from facilitator.cardano.state import Account
from facilitator.cardano.transaction import Certificate, Credential


def apply_account_certificate(
    certificate: Certificate, credential: Credential, env: Environment, registry: Registry
) -> list[Failure]:
    """Apply a certificate about the credential's account, and return the failures.

    Raises :class:`~facilitator.cardano.rules.registry.UnknownFactError`.
    """
    failures = _check_delegatee(certificate, env, registry)
    if certificate.kind in REGISTERS_ACCOUNT:
        return failures + _register(certificate, credential, env, registry)
    if certificate.kind in DEREGISTERS_ACCOUNT:
        return failures + _deregister(certificate, credential, env, registry)
    if registry.account(credential) is None:
        failures.append(_refuse_unregistered(credential))
    return failures


def _register(
    certificate: Certificate, credential: Credential, env: Environment, registry: Registry
) -> list[Failure]:
    """Register the account.

    Failures: ``IncorrectDepositDELEG`` (``DepositIncorrectDELEG``), ``StakeKeyRegisteredDELEG``.
    """
    failures = []
    deposit = env.parameters.key_deposit
    if certificate.deposit is not None and certificate.deposit != deposit:
        rule = "DepositIncorrectDELEG" if _names_refunds(env) else "IncorrectDepositDELEG"
        failures.append(refuse_amount(rule, certificate.deposit, deposit))
    if registry.account(credential) is not None:
        failures.append(
            Failure("StakeKeyRegisteredDELEG", f"{describe(credential)} is registered already")
        )
    registry.set_account(credential, Account(deposit=deposit, reward=0))
    return failures


def _deregister(
    certificate: Certificate, credential: Credential, env: Environment, registry: Registry
) -> list[Failure]:
    """Deregister the account, which must hold no reward.

    Failures: ``StakeKeyNotRegisteredDELEG``, ``IncorrectDepositDELEG`` (``RefundIncorrectDELEG``),
    ``StakeKeyHasNonZeroRewardAccountBalanceDELEG``.
    """
    account = registry.account(credential)
    if account is None:
        return [_refuse_unregistered(credential)]
    failures = []
    if certificate.deposit is not None and certificate.deposit != account.deposit:
        rule = "RefundIncorrectDELEG" if _names_refunds(env) else "IncorrectDepositDELEG"
        failures.append(refuse_amount(rule, certificate.deposit, account.deposit))
    if account.reward:
        failures.append(
            Failure(
                "StakeKeyHasNonZeroRewardAccountBalanceDELEG",
                f"the account of {describe(credential)} still holds {account.reward} lovelace",
            )
        )
    registry.set_account(credential, None)
    return failures


def _check_delegatee(
    certificate: Certificate, env: Environment, registry: Registry
) -> list[Failure]:
    """Check that pool and DRep are registered.

    Failures: ``DelegateeStakePoolNotRegisteredDELEG``, ``DelegateeDRepNotRegisteredDELEG``.
    Protocol version 9 accepts any DRep.
    """
    failures = []
    pool, drep = certificate.pool, certificate.drep
    if pool is not None and not registry.has_pool(pool):
        failures.append(
            Failure("DelegateeStakePoolNotRegisteredDELEG", f"pool {pool.hex()} is not registered")
        )
    if drep is not None and env.parameters.protocol_major > 9 and registry.drep(drep) is None:
        failures.append(
            Failure("DelegateeDRepNotRegisteredDELEG", f"DRep {describe(drep)} is not registered")
        )
    return failures


def _names_refunds(env: Environment) -> bool:
    """Return True if wrong deposits and wrong refunds have their own names (version 11 on)."""
    return env.parameters.protocol_major > 10


def _refuse_unregistered(credential: Credential) -> Failure:
    return Failure("StakeKeyNotRegisteredDELEG", f"{describe(credential)} is not registered")
