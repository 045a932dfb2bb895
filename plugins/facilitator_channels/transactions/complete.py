"""Completes a plan: inputs that cover it, units of its scripts, collateral, the exact fee, change.

All of it is computed from values by the rules that judge transactions here.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from facilitator.cardano.codec.transaction_decoder import decode_transaction
from facilitator.cardano.phase2.evaluator import measure_scripts
from facilitator.cardano.rules import Environment
from facilitator.cardano.rules.body import max_tx_size
from facilitator.cardano.rules.evaluation import CannotEvaluate, collect_script_runs
from facilitator.cardano.rules.fees import (
    compute_base_fee,
    compute_reference_script_fee,
    count_reference_script_bytes,
    execution_units_too_big,
)
from facilitator.cardano.rules.needed import find_scripts
from facilitator.cardano.rules.resolved import resolve
from facilitator.cardano.transaction import Output, OutputRef, Value
from facilitator.plugin import Signature
from facilitator_channels.transactions.assemble import Parts, assemble
from facilitator_channels.transactions.plan import (
    CannotBuild,
    Ledger,
    NotCovered,
    Plan,
    Purse,
    ScriptReference,
)
from facilitator_channels.transactions.wire import NewOutput, Units, Unsigned

_MOST_SECONDS = 60.0
"""CPU seconds in which the scripts of a transaction must come to an end here."""


class _Funding(NamedTuple):
    inputs: Mapping[OutputRef, Output]
    left: Value
    """The value of the inputs beyond that of the outputs, before the fee."""


def complete(plan: Plan, purse: Purse, ledger: Ledger) -> Unsigned:
    """Return the transaction of a plan, with the least fee that the ledger takes.

    It spends outputs of the purse, the richest first, as far as they are needed. The collateral is
    of the purse, and what is left of it comes back. Raises :class:`CannotBuild`.
    """
    for funding in _fundings(plan, purse):
        parts = Parts(plan, funding.inputs, purse.address)
        if plan.redeemers:
            parts = parts.with_units(_measure(parts, _provisional(parts, funding, ledger), ledger))
        found = _with_fee(parts, funding, purse, ledger)
        if found is not None:
            _check_limits(found, ledger)
            return found
    raise NotCovered(
        f"the inputs and {len(purse.utxo)} outputs of the purse do not cover the outputs, the fee "
        "and the change"
    )


def _fundings(plan: Plan, purse: Purse) -> Iterator[_Funding]:
    """Yield sets of inputs that hold all that the outputs need, the smallest first."""
    wanted = {asset for output in plan.outputs for asset in output.value.assets}

    def worth(ref: OutputRef) -> tuple[int, int]:
        value = purse.utxo[ref].value
        return sum(value.assets.get(asset, 0) for asset in wanted), value.lovelace

    more = sorted(sorted(purse.utxo.keys() - plan.inputs), key=worth, reverse=True)
    for count in range(len(more) + 1 if plan.adds_inputs else 1):
        inputs = {**plan.inputs, **{ref: purse.utxo[ref] for ref in more[:count]}}
        left = _subtract(inputs, plan.outputs)
        if inputs and left is not None:
            yield _Funding(inputs, left)


def _subtract(inputs: Mapping[OutputRef, Output], outputs: Sequence[NewOutput]) -> Value | None:
    lovelace, assets = 0, dict[bytes, int]()
    values = [(1, each.value) for each in inputs.values()] + [(-1, each.value) for each in outputs]
    for sign, value in values:
        lovelace += sign * value.lovelace
        for asset, quantity in value.assets.items():
            assets[asset] = assets.get(asset, 0) + sign * quantity
    if lovelace < 0 or min(assets.values(), default=0) < 0:
        return None
    return Value(lovelace, {asset: quantity for asset, quantity in assets.items() if quantity})


def _provisional(parts: Parts, funding: _Funding, ledger: Ledger) -> bytes:
    """Return the transaction as scripts see it: all but fee and hashes is as it will be."""
    limits = Units(ledger.parameters.max_tx_memory, ledger.parameters.max_tx_steps)
    allowed = parts.with_units([limits] * len(parts.plan.redeemers))
    return _dummy(assemble(allowed, 0, funding.left, {}, ledger.parameters))


def _measure(parts: Parts, transaction: bytes, ledger: Ledger) -> Sequence[Units]:
    tx = decode_transaction(transaction)
    utxo = dict(parts.inputs)
    if isinstance(parts.plan.script, ScriptReference):
        utxo[parts.plan.script.ref] = parts.plan.script.output
    environment = Environment(ledger.slot, ledger.network_id, ledger.parameters)
    resolved = resolve(tx, environment, utxo, None)
    try:
        runs = collect_script_runs(resolved, find_scripts(resolved))
        found = measure_scripts(resolved, runs, ledger.eras, most_seconds=_MOST_SECONDS)
    except CannotEvaluate as error:
        raise CannotBuild(f"its scripts cannot be evaluated: {error}") from None
    failed = [each for each in found if each.outcome.error is not None]
    if failed:
        raise CannotBuild(
            f"the validator refuses it at input {failed[0].item}: {failed[0].outcome.error}"
        )
    ordered = sorted(found, key=lambda each: each.item)
    return [Units(each.outcome.memory, each.outcome.steps) for each in ordered]


def _check_limits(unsigned: Unsigned, ledger: Ledger) -> None:
    """Raise :class:`CannotBuild` for a transaction that is too long, or whose scripts do too much.

    That depends on how many channels it moves.
    """
    tx = decode_transaction(_dummy(unsigned))
    environment = Environment(ledger.slot, ledger.network_id, ledger.parameters)
    failure = max_tx_size(tx, environment) or execution_units_too_big(tx, environment)
    if failure is not None:
        raise CannotBuild(f"it moves too much at once: {failure.message}")


def _with_fee(parts: Parts, funding: _Funding, purse: Purse, ledger: Ledger) -> Unsigned | None:
    """Return the transaction with the least fee; ``None`` if the inputs do not pay it."""
    price = ledger.parameters.min_fee_ref_script_cost_per_byte
    spent = [*parts.inputs.values()]
    if isinstance(parts.plan.script, ScriptReference):
        spent.append(parts.plan.script.output)
    for_references = compute_reference_script_fee(count_reference_script_bytes(spent), price)
    fee, tried = 0, set[int]()
    while True:
        change = Value(funding.left.lovelace - fee, funding.left.assets)
        needed = NewOutput(purse.address, change).minimum(ledger.parameters.coins_per_utxo_byte)
        if change.lovelace < needed:
            return None
        collateral = _collateral(purse, fee, ledger) if parts.plan.redeemers else {}
        unsigned = assemble(parts, fee, change, collateral, ledger.parameters)
        least = compute_base_fee(decode_transaction(_dummy(unsigned)), ledger.parameters)
        least += for_references
        if least == fee or (least < fee and least in tried):  # with less it would need more
            return unsigned
        tried.add(fee)
        fee = least


def _collateral(purse: Purse, fee: int, ledger: Ledger) -> Mapping[OutputRef, Output]:
    """Return the richest outputs of the purse that hold ada alone, as many as the fee needs."""
    parameters = ledger.parameters
    offered = purse.utxo if purse.collateral is None else purse.collateral
    plain = {ref: output for ref, output in offered.items() if not output.value.assets}
    richest = sorted(plain, key=lambda ref: plain[ref].value.lovelace, reverse=True)
    chosen: dict[OutputRef, Output] = {}
    for ref in richest[: parameters.max_collateral_inputs]:
        chosen[ref] = plain[ref]
        held = sum(output.value.lovelace for output in chosen.values())
        if held * 100 >= fee * parameters.collateral_percentage:
            return chosen
    raise CannotBuild(
        "the purse has no outputs for collateral: they hold ada alone, "
        f"{parameters.collateral_percentage} % of the fee"
    )


def _dummy(unsigned: Unsigned) -> bytes:
    """Return the transaction with as many signatures as it is going to have."""
    return unsigned.with_signatures(
        Signature(signer + bytes(4), bytes(64)) for signer in unsigned.signers
    )
