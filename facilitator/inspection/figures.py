"""The figures behind a rule that holds. The message of a broken rule has its own."""

from collections.abc import Callable, Mapping
from typing import TypeAlias

from facilitator.cardano.rules import Environment, body, collateral, fees, outputs, value, witnesses
from facilitator.cardano.rules.future_signers import count_future_bytes
from facilitator.cardano.transaction import Output, OutputRef, Transaction

Utxo: TypeAlias = Mapping[OutputRef, Output]
_Figures: TypeAlias = Callable[[Transaction, Environment, Utxo], str]


def figures(rule: Callable[..., object], tx: Transaction, env: Environment, utxo: Utxo) -> str:
    """Return what the rule compared, or an empty string if it compares nothing."""
    found = _FIGURES.get(rule)
    return found(tx, env, utxo) if found else ""


def _interval(tx: Transaction, env: Environment, _utxo: Utxo) -> str:
    start, end = tx.body.invalid_before, tx.body.invalid_hereafter
    since = f"from slot {start}, " if start is not None else ""
    until = f"before slot {end}, " if end is not None else ""
    return f"valid {since}{until}and it is slot {env.slot}" if since or until else "no limits"


def _lovelace_margin(tx: Transaction, env: Environment, _utxo: Utxo) -> str:
    price = env.parameters.coins_per_utxo_byte
    margins = [
        (output.value.lovelace - minimum, output.value.lovelace, minimum)
        for output in outputs.list_created_outputs(tx)
        for minimum in [outputs.compute_minimum_lovelace(output, price)]
    ]
    if not margins:
        return "no outputs"
    _, held, minimum = min(margins)
    return f"the tightest output holds {held} lovelace and needs {minimum}"


def _value_size(tx: Transaction, env: Environment, _utxo: Utxo) -> str:
    largest = max((output.value_size for output in outputs.list_created_outputs(tx)), default=0)
    return f"the largest value has {largest} of {env.parameters.max_value_size} bytes"


def _fee(tx: Transaction, env: Environment, _utxo: Utxo) -> str:
    least = fees.compute_base_fee(tx, env.parameters, count_future_bytes(tx, env))
    return f"{tx.body.fee} lovelace, at least {least} is needed"


def _signatures(tx: Transaction, _env: Environment, _utxo: Utxo) -> str:
    return f"signatures that hold: {len(tx.witnesses.vkeys) + len(tx.witnesses.bootstraps)}"


def _balance(tx: Transaction, _env: Environment, utxo: Utxo) -> str:
    spent = sum(utxo[ref].value.lovelace for ref in set(tx.body.inputs))
    made = sum(output.value.lovelace for output in tx.body.outputs)
    return f"inputs hold {spent} lovelace, outputs {made}, and the fee is {tx.body.fee}"


def _collateral_count(tx: Transaction, env: Environment, _utxo: Utxo) -> str:
    count = len(set(tx.body.collateral))
    return f"{count} of {env.parameters.max_collateral_inputs} allowed"


_FIGURES: Mapping[Callable[..., object], _Figures] = {
    body.protocol_version: lambda _tx, env, _utxo: f"version {env.parameters.protocol_major}",
    body.input_set_empty: lambda tx, _env, _utxo: f"inputs: {len(tx.body.inputs)}",
    body.outside_validity_interval: _interval,
    body.max_tx_size: lambda tx, env, _utxo: f"{tx.size} of {env.parameters.max_tx_size} bytes",
    outputs.output_too_small: _lovelace_margin,
    outputs.output_too_big: _value_size,
    outputs.wrong_network: lambda _tx, env, _utxo: f"all are of network id {env.network_id}",
    fees.fee_too_small: _fee,
    collateral.too_many_collateral_inputs: _collateral_count,
    witnesses.invalid_witnesses: _signatures,
    value.bad_inputs: lambda _tx, _env, utxo: f"found unspent: {len(utxo)}",
    value.value_not_conserved: _balance,
}
