"""Rules over the value of inputs and outputs."""

from collections.abc import Iterable

from facilitator.cardano.parameters import ProtocolParameters
from facilitator.cardano.rules.certificates import (
    DEREGISTERS_ACCOUNT,
    DEREGISTERS_DREP,
    REGISTERS_ACCOUNT,
    REGISTERS_DREP,
    REGISTERS_POOL,
)
from facilitator.cardano.rules.failure import Failure, format_items, refuse_unjudged
from facilitator.cardano.rules.registry import Registry, UnknownFactError
from facilitator.cardano.rules.resolved import ResolvedTransaction
from facilitator.cardano.transaction import AssetId, Body, Certificate, Output


def bad_inputs(resolved: ResolvedTransaction) -> Failure | None:
    """Shelley UTXO, ``BadInputsUTxO``: every input, collateral and reference input exists."""
    if not resolved.missing:
        return None
    refs = [str(ref) for ref in resolved.missing]
    return Failure(
        "BadInputsUTxO", f"these outputs do not exist or are spent: {format_items(refs)}"
    )


def value_not_conserved(resolved: ResolvedTransaction) -> Failure | None:
    """Shelley UTXO, ``ValueNotConservedUTxO``: consumed equals produced, for every asset.

    Left out while an input is missing.
    """
    if resolved.missing:
        return None
    body, inputs = resolved.tx.body, resolved.inputs.values()
    consumed = sum([output.value.lovelace for output in inputs])
    produced = sum([output.value.lovelace for output in body.outputs]) + body.fee + body.donation
    if body.withdrawals:
        consumed += sum(body.withdrawals.values())
    if body.dijkstra is not None:
        produced += sum(body.dijkstra.direct_deposits.values())
    if body.proposals:
        produced += len(body.proposals) * resolved.env.parameters.gov_action_deposit
    if body.certificates:
        registry, parameters = Registry(resolved.state), resolved.env.parameters
        try:
            consumed += sum_refunds(body.certificates, parameters, registry)
            produced += sum_deposits(body.certificates, parameters, registry)
        except UnknownFactError as unknown:
            return refuse_unjudged(f"{unknown} is not known, and the balance is")
    unequal = find_asset_differences(inputs, body)
    if consumed == produced and not unequal:
        return None
    if consumed != produced:
        unequal.insert(0, f"{consumed} lovelace is consumed and {produced} produced")
    return Failure("ValueNotConservedUTxO", format_items(unequal))


def find_asset_differences(inputs: Iterable[Output], body: Body) -> list[str]:
    """Return the consumed and produced quantity of each native asset that does not balance."""
    consumed: dict[AssetId, int] = dict(body.mint or {})
    produced: dict[AssetId, int] = {}
    for totals, outputs in ((consumed, inputs), (produced, body.outputs)):
        for output in outputs:
            for asset, quantity in output.value.assets.items():
                totals[asset] = totals.get(asset, 0) + quantity
    if not consumed and not produced:
        return []
    return [
        f"{consumed.get(asset, 0)} of {asset[:28].hex()}.{asset[28:].hex()} is consumed and "
        f"{produced.get(asset, 0)} produced"
        for asset in sorted({*consumed, *produced})
        if consumed.get(asset, 0) != produced.get(asset, 0)
    ]


def sum_deposits(
    certificates: Iterable[Certificate], parameters: ProtocolParameters, registry: Registry
) -> int:
    """Return the lovelace that the certificates lock (Conway ``conwayTotalDepositsTxCerts``).

    Amounts come from the parameters, not the certificates. A pool that is registered already, or
    twice in one transaction, pays no second deposit. Raises :class:`~.registry.UnknownFactError`.
    """
    total, new_pools = 0, set()
    for certificate in certificates:
        kind, pool = certificate.kind, certificate.pool
        if kind in REGISTERS_ACCOUNT:
            total += parameters.key_deposit
        elif kind in REGISTERS_DREP:
            total += parameters.drep_deposit
        elif kind in REGISTERS_POOL and pool is not None and not registry.has_pool(pool):
            new_pools.add(pool)
    return total + len(new_pools) * parameters.pool_deposit


def sum_refunds(
    certificates: Iterable[Certificate], parameters: ProtocolParameters, registry: Registry
) -> int:
    """Return the lovelace that the certificates release (Conway ``conwayTotalRefundsTxCerts``).

    An account releases its deposit. A DRep releases the amount in its certificate, which another
    rule compares with its deposit. Raises :class:`~.registry.UnknownFactError`.
    """
    total, registered = 0, set()
    for certificate in certificates:
        kind, credential = certificate.kind, certificate.credential
        if kind in DEREGISTERS_DREP:
            total += certificate.deposit or 0
        elif credential is None:
            continue
        elif kind in REGISTERS_ACCOUNT:
            registered.add(credential)
        elif kind in DEREGISTERS_ACCOUNT:
            if credential in registered:
                registered.discard(credential)
                total += parameters.key_deposit
            elif (account := registry.account(credential)) is not None:
                total += account.deposit
    return total
