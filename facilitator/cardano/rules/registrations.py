"""Rules over certificates about pools (Shelley POOL) and DReps (Conway GOVCERT)."""

from facilitator.cardano.rules.certificates import (
    DEREGISTERS_DREP,
    REGISTERS_DREP,
    REGISTERS_POOL,
)
from facilitator.cardano.rules.failure import Environment, Failure, refuse_unjudged
from facilitator.cardano.rules.registry import Registry, describe, refuse_amount
from facilitator.cardano.transaction import Certificate, Credential

_LONGEST_METADATA_HASH = 32


def apply_pool_certificate(
    certificate: Certificate, pool: bytes, env: Environment, registry: Registry
) -> list[Failure]:
    """Apply a pool's registration or retirement, and return the failures.

    Raises :class:`~facilitator.cardano.rules.registry.UnknownFactError`.
    """
    if certificate.kind in REGISTERS_POOL:
        registry.add_pool(pool)
        return _check_pool_registration(certificate, env)
    return _check_pool_retirement(certificate, pool, env, registry)


def _check_pool_registration(certificate: Certificate, env: Environment) -> list[Failure]:
    """Check a pool's registration.

    Failures: ``WrongNetworkPOOL``, ``PoolMedataHashTooBig``, ``StakePoolCostTooLowPOOL``.
    """
    failures = []
    cost, least = certificate.pool_cost or 0, env.parameters.min_pool_cost
    account = certificate.pool_reward_account
    if account is not None and account[0] & 15 != env.network_id:
        failures.append(
            Failure(
                "WrongNetworkPOOL",
                f"the pool's reward account is of network id {account[0] & 15}, this network's is "
                f"{env.network_id}",
            )
        )
    size = len(certificate.pool_metadata_hash or b"")
    if size > _LONGEST_METADATA_HASH:
        failures.append(
            Failure(
                "PoolMedataHashTooBig",
                f"the pool's metadata hash has {size} bytes, at most {_LONGEST_METADATA_HASH} are "
                "allowed",
            )
        )
    if cost < least:
        failures.append(
            Failure(
                "StakePoolCostTooLowPOOL",
                f"the pool's cost is {cost} lovelace, at least {least} is needed",
            )
        )
    if env.parameters.protocol_major > 10:
        failures.append(refuse_unjudged("whether another pool uses the same VRF key is"))
    return failures


def _check_pool_retirement(
    certificate: Certificate, pool: bytes, env: Environment, registry: Registry
) -> list[Failure]:
    """Check a pool's retirement.

    Failures: ``StakePoolNotRegisteredOnKeyPOOL``, ``StakePoolRetirementWrongEpochPOOL``.
    """
    failures = []
    if not registry.has_pool(pool):
        failures.append(
            Failure("StakePoolNotRegisteredOnKeyPOOL", f"pool {pool.hex()} is not registered")
        )
    now, epoch = env.parameters.epoch, certificate.epoch or 0
    last = now + env.parameters.max_epoch
    if not now < epoch <= last:
        failures.append(
            Failure(
                "StakePoolRetirementWrongEpochPOOL",
                f"the pool would retire in epoch {epoch}, allowed are {now + 1} to {last}",
            )
        )
    return failures


def apply_drep_certificate(
    certificate: Certificate, credential: Credential, env: Environment, registry: Registry
) -> list[Failure]:
    """Apply a DRep's registration, update or deregistration, and return the failures.

    Raises :class:`~facilitator.cardano.rules.registry.UnknownFactError`.
    """
    paid, amount = registry.drep(credential), certificate.deposit or 0
    if certificate.kind in REGISTERS_DREP:
        registry.set_drep(credential, env.parameters.drep_deposit)
        return _check_drep_registration(credential, amount, paid, env)
    if paid is None:
        return [Failure("ConwayDRepNotRegistered", f"{describe(credential)} is not registered")]
    if certificate.kind in DEREGISTERS_DREP:
        registry.set_drep(credential, None)
        if amount != paid:
            return [refuse_amount("ConwayDRepIncorrectRefund", amount, paid)]
    return []


def _check_drep_registration(
    credential: Credential, amount: int, paid: int | None, env: Environment
) -> list[Failure]:
    """Check a DRep's registration.

    Failures: ``ConwayDRepAlreadyRegistered``, ``ConwayDRepIncorrectDeposit``.
    """
    failures = []
    if paid is not None:
        failures.append(
            Failure("ConwayDRepAlreadyRegistered", f"{describe(credential)} is registered already")
        )
    if amount != env.parameters.drep_deposit:
        failures.append(
            refuse_amount("ConwayDRepIncorrectDeposit", amount, env.parameters.drep_deposit)
        )
    return failures
