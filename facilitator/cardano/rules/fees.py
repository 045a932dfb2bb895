"""Rules over the fee, the execution budget and the size of reference scripts."""

from collections.abc import Iterable
from fractions import Fraction
from math import ceil, floor

from facilitator.cardano.parameters import ProtocolParameters
from facilitator.cardano.rules.failure import Environment, Failure
from facilitator.cardano.rules.future_signers import count_future_bytes
from facilitator.cardano.rules.resolved import ResolvedTransaction
from facilitator.cardano.transaction import Output, Transaction

TIER_BYTES = 25_600
"""Bytes of reference scripts in each price tier (Conway ``refScriptCostStride``)."""
TIER_FACTOR = Fraction(12, 10)
"""The price of a byte relative to the tier below (Conway ``refScriptCostMultiplier``)."""


def fee_too_small(tx: Transaction, env: Environment) -> Failure | None:
    """Shelley UTXO, ``FeeTooSmallUTxO``, as far as size and execution budget go."""
    return _compare(tx.body.fee, _find_base(tx, env))


def fee_too_small_for_scripts(resolved: ResolvedTransaction) -> Failure | None:
    """Conway UTXO, ``FeeTooSmallUTxO``, with the price of reference scripts.

    Returns no failure if :func:`fee_too_small` returns one.
    """
    size = count_reference_script_bytes(resolved.script_outputs())
    if not size:
        return None
    fee, base = resolved.tx.body.fee, _find_base(resolved.tx, resolved.env)
    if fee < base:
        return None
    price = resolved.env.parameters.min_fee_ref_script_cost_per_byte
    return _compare(fee, base + compute_reference_script_fee(size, price))


def reference_scripts_too_big(resolved: ResolvedTransaction) -> Failure | None:
    """Conway LEDGER, ``ConwayTxRefScriptsSizeTooBig``: ≤ ``maxRefScriptSizePerTx`` bytes."""
    size = count_reference_script_bytes(resolved.script_outputs())
    limit = resolved.env.parameters.max_ref_script_size_per_tx
    if size <= limit:
        return None
    return Failure(
        "ConwayTxRefScriptsSizeTooBig",
        f"its reference scripts have {size} bytes, the limit is {limit}",
    )


def execution_units_too_big(tx: Transaction, env: Environment) -> Failure | None:
    """Alonzo UTXO, ``ExUnitsTooBigUTxO``: all redeemers together stay within the budget."""
    redeemers, parameters = tx.witnesses.redeemers, env.parameters
    if not redeemers:
        return None
    memory = sum(redeemer.memory for redeemer in redeemers)
    steps = sum(redeemer.steps for redeemer in redeemers)
    if memory <= parameters.max_tx_memory and steps <= parameters.max_tx_steps:
        return None
    return Failure(
        "ExUnitsTooBigUTxO",
        f"its redeemers claim {memory} memory and {steps} steps, the limits are "
        f"{parameters.max_tx_memory} and {parameters.max_tx_steps}",
    )


def compute_base_fee(tx: Transaction, parameters: ProtocolParameters, future_bytes: int = 0) -> int:
    """Return the least fee in lovelace without reference scripts (Alonzo ``alonzoMinFeeTx``).

    ``future_bytes`` are those of witnesses that are still to come.
    """
    fee = parameters.min_fee_a * (tx.size + future_bytes) + parameters.min_fee_b
    if tx.witnesses.redeemers:
        fee += ceil(
            sum(redeemer.memory for redeemer in tx.witnesses.redeemers) * parameters.price_memory
            + sum(redeemer.steps for redeemer in tx.witnesses.redeemers) * parameters.price_steps
        )
    return fee


def compute_reference_script_fee(size: int, price: Fraction) -> int:
    """Return the lovelace for ``size`` bytes of reference scripts (Conway ``tierRefScriptFee``)."""
    fee = Fraction(0)
    while size > TIER_BYTES:
        fee += TIER_BYTES * price
        price *= TIER_FACTOR
        size -= TIER_BYTES
    return floor(fee + size * price)


def count_reference_script_bytes(outputs: Iterable[Output]) -> int:
    """Return the bytes of all reference scripts; the same script in two outputs counts twice."""
    return sum(output.script_size for output in outputs if output.script is not None)


def _find_base(tx: Transaction, env: Environment) -> int:
    future_bytes = count_future_bytes(tx, env) if env.future_signers else 0
    return compute_base_fee(tx, env.parameters, future_bytes)


def _compare(fee: int, minimum: int) -> Failure | None:
    if fee >= minimum:
        return None
    return Failure("FeeTooSmallUTxO", f"the fee is {fee} lovelace, at least {minimum} is needed")
