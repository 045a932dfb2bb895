"""Rules over collateral, which pays for a Plutus script that fails.

The rules over resolved transactions are in force only for transactions with redeemers.
"""

from collections import Counter

from facilitator.cardano.rules.failure import Environment, Failure, format_items
from facilitator.cardano.rules.needed import is_script_address
from facilitator.cardano.rules.resolved import ResolvedTransaction
from facilitator.cardano.transaction import Transaction


def too_many_collateral_inputs(tx: Transaction, env: Environment) -> Failure | None:
    """Alonzo UTXO, ``TooManyCollateralInputs``: with or without Plutus scripts."""
    count, limit = len(set(tx.body.collateral)), env.parameters.max_collateral_inputs
    if count <= limit:
        return None
    return Failure(
        "TooManyCollateralInputs", f"it has {count} collateral inputs, allowed are {limit}"
    )


def no_collateral_inputs(tx: Transaction, _env: Environment) -> Failure | None:
    """Alonzo UTXO, ``NoCollateralInputs``: with redeemers there is collateral."""
    if tx.body.collateral or not tx.witnesses.redeemers:
        return None
    return Failure("NoCollateralInputs", "it has redeemers and no collateral")


def scripts_not_paid(resolved: ResolvedTransaction) -> Failure | None:
    """Alonzo UTXO, ``ScriptsNotPaidUTxO``: collateral is not locked by scripts."""
    locked = [
        str(ref) for ref, output in resolved.collateral.items() if is_script_address(output.address)
    ]
    if not locked:
        return None
    return Failure("ScriptsNotPaidUTxO", f"scripts lock collateral: {format_items(locked)}")


def collateral_contains_tokens(resolved: ResolvedTransaction) -> Failure | None:
    """Babbage UTXO, ``CollateralContainsNonADA``: native assets all go to the return output."""
    body = resolved.tx.body
    if _has_unknown(resolved):
        return None
    balance: Counter[bytes] = Counter()
    for output in resolved.collateral.values():
        balance.update(output.value.assets)
    if body.collateral_return is not None:
        balance.subtract(body.collateral_return.value.assets)
    left = sorted(asset for asset, quantity in balance.items() if quantity)
    if not left:
        return None
    assets = [f"{asset[:28].hex()}.{asset[28:].hex()}" for asset in left]
    return Failure("CollateralContainsNonADA", f"collateral does not return {format_items(assets)}")


def insufficient_collateral(resolved: ResolvedTransaction) -> Failure | None:
    """Alonzo UTXO, ``InsufficientCollateral``: ≥ ``collateralPercentage`` of the fee."""
    if _has_unknown(resolved):
        return None
    balance, percentage = _compute_balance(resolved), resolved.env.parameters.collateral_percentage
    if balance * 100 >= resolved.tx.body.fee * percentage:
        return None
    return Failure(
        "InsufficientCollateral",
        f"collateral is {balance} lovelace, {percentage} % of the fee of {resolved.tx.body.fee} "
        "is needed",
    )


def incorrect_total_collateral(resolved: ResolvedTransaction) -> Failure | None:
    """Babbage UTXO, ``IncorrectTotalCollateralField``: the total named is the true one."""
    total = resolved.tx.body.total_collateral
    if total is None or _has_unknown(resolved):
        return None
    balance = _compute_balance(resolved)
    if balance == total:
        return None
    return Failure(
        "IncorrectTotalCollateralField",
        f"it names {total} lovelace of collateral, which is {balance}",
    )


def _has_unknown(resolved: ResolvedTransaction) -> bool:
    return any(ref not in resolved.collateral for ref in resolved.tx.body.collateral)


def _compute_balance(resolved: ResolvedTransaction) -> int:
    """Return the lovelace at stake: that of collateral minus that of the collateral return."""
    returned = resolved.tx.body.collateral_return
    held = sum(output.value.lovelace for output in resolved.collateral.values())
    return held - (returned.value.lovelace if returned is not None else 0)
