"""Rules over lovelace and assets: the balance, the fee, and what outputs must and may hold."""

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from math import ceil, floor
from typing import Any

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facilitator.cardano.rules import fees, outputs
from facilitator.cardano.rules.resolved import resolve
from facilitator.cardano.rules.value import value_not_conserved
from facilitator.cardano.transaction import Output, OutputRef, Redeemer
from support.ledger_values import (
    ADDRESS,
    ENVIRONMENT,
    FEE,
    HELD,
    INPUT,
    PAID,
    PARAMETERS,
    POLICY,
    SECOND_INPUT,
    THIRD_INPUT,
    UTXO,
    broken,
    native,
    output,
    transaction,
)

ASSETS = st.dictionaries(
    st.binary(min_size=28, max_size=60), st.integers(min_value=1, max_value=2**63 - 1), max_size=4
)
bounded = settings(max_examples=60)
HOLDINGS = st.lists(st.tuples(st.integers(0, 2**45), ASSETS), min_size=1, max_size=5)


def conserves(utxo: Mapping[OutputRef, Output], made: list[Output], **body: Any) -> bool:
    tx = transaction(inputs=tuple(utxo), outputs=tuple(made), **body)
    return value_not_conserved(resolve(tx, ENVIRONMENT, utxo, None)) is None


@bounded
@given(holdings=HOLDINGS, data=st.data())
def test_balance_holds_exactly(
    holdings: list[tuple[int, dict[bytes, int]]], data: st.DataObject
) -> None:
    """However inputs are split over outputs, fee, donation, mint and burn, any ±1 breaks it."""
    utxo = {
        OutputRef(bytes([n]) * 32, n): output(lovelace, assets)
        for n, (lovelace, assets) in enumerate(holdings)
    }
    total = sum(lovelace for lovelace, _ in holdings)
    fee = data.draw(st.integers(0, total))
    donation = data.draw(st.integers(0, total - fee))
    mint = data.draw(ASSETS)
    made = [output(total - fee - donation, _sum([assets for _, assets in holdings] + [mint]))]
    spread = {"fee": fee, "donation": donation, "mint": mint}
    assert conserves(utxo, made, **spread)
    step = data.draw(st.sampled_from([-1, 1]))
    assert not conserves(utxo, made, **{**spread, "fee": fee + step})
    assert not conserves(utxo, made, **{**spread, "donation": donation + step})
    for asset in made[0].value.assets:
        off = {**made[0].value.assets, asset: made[0].value.assets[asset] + step}
        assert not conserves(utxo, [output(made[0].value.lovelace, off)], **spread)
        burnt = {**mint, asset: mint.get(asset, 0) + step}
        assert not conserves(utxo, made, **{**spread, "mint": burnt})


def _sum(parts: list[dict[bytes, int]]) -> dict[bytes, int]:
    return {asset: sum(part.get(asset, 0) for part in parts) for part in parts for asset in part}


def test_burning_takes_assets_away() -> None:
    utxo = {INPUT: output(assets={POLICY: 3})}
    assert conserves(utxo, [output(PAID, {POLICY: 1})], mint={POLICY: -2})
    assert conserves(utxo, [output(PAID)], mint={POLICY: -3})
    assert not conserves(utxo, [output(PAID)], mint={POLICY: -4})


def test_imbalance_message_names_the_figures() -> None:
    message = broken(transaction(outputs=(output(PAID + 1),)))["ValueNotConservedUTxO"]
    assert message == "10000000 lovelace is consumed and 10000001 produced"


def test_an_input_named_by_two_roles_counts_once() -> None:
    assert broken(transaction(collateral=(INPUT,))) == {}


def test_missing_inputs_are_named_and_hide_what_depends_on_them() -> None:
    found = broken(transaction(inputs=(INPUT, SECOND_INPUT), collateral=(THIRD_INPUT,)))
    assert found.keys() == {"BadInputsUTxO"}
    assert str(SECOND_INPUT) in found["BadInputsUTxO"]
    assert str(THIRD_INPUT) in found["BadInputsUTxO"]
    assert broken(transaction(reference_inputs=(THIRD_INPUT,))).keys() == {"BadInputsUTxO"}


@bounded
@given(
    size=st.integers(1, 16_384),
    memory=st.integers(0, 16_500_000),
    steps=st.integers(0, 10_000_000_000),
)
def test_fee_floor_is_exact(size: int, memory: int, steps: int) -> None:
    redeemers = (Redeemer(0, 0, b"", memory, 0), Redeemer(1, 0, b"", 0, steps))
    execution = memory * PARAMETERS.price_memory + steps * PARAMETERS.price_steps
    least = 44 * size + 155_381 + ceil(execution)
    for fee, enough in ((least, True), (least - 1, False)):
        tx = transaction(size=size, fee=fee, witnesses={"redeemers": redeemers})
        assert (fees.fee_too_small(tx, ENVIRONMENT) is None) == enough


@bounded
@given(sizes=st.lists(st.integers(1, 60_000), min_size=1, max_size=4))
def test_fee_floor_with_reference_scripts_is_exact(sizes: list[int]) -> None:
    """Each started 25,600 bytes cost a fifth more than those before, rounded down once."""
    scripts = {
        OutputRef(bytes([9]) * 32, n): output(script=native(b"\x00"), script_size=size)
        for n, size in enumerate(sizes)
    }
    tiers, rest = divmod(sum(sizes), 25_600)
    growth = Fraction(6, 5) ** tiers
    extra = 15 * (25_600 * (growth - 1) / Fraction(1, 5) + rest * growth)
    least = 44 * 300 + 155_381 + floor(extra)
    for fee, rules in ((least, set()), (least - 1, {"FeeTooSmallUTxO"})):
        tx = transaction(fee=fee, outputs=(output(HELD - fee),), reference_inputs=tuple(scripts))
        found = broken(tx, {**UTXO, **scripts}).keys()
        assert found - {"ValueNotConservedUTxO", "ConwayTxRefScriptsSizeTooBig"} == rules
        assert ("ConwayTxRefScriptsSizeTooBig" in found) == (sum(sizes) > 200 * 1024)


def test_a_reference_script_in_an_input_that_is_also_referenced_counts_once() -> None:
    utxo = {INPUT: output(script=native(b"\x00"), script_size=100)}
    least = 44 * 300 + 155_381 + 1500
    body: dict[str, Any] = {
        "fee": least,
        "outputs": (output(HELD - least),),
        "reference_inputs": (INPUT,),
    }
    eleven = replace(ENVIRONMENT, parameters=replace(PARAMETERS, protocol_major=11))
    assert broken(transaction(**body), utxo, env=eleven) == {}


def test_reference_scripts_have_a_limit() -> None:
    for size, rules in ((204_800, set()), (204_801, {"ConwayTxRefScriptsSizeTooBig"})):
        utxo = {**UTXO, SECOND_INPUT: output(script=native(b"\x00"), script_size=size)}
        tx = transaction(reference_inputs=(SECOND_INPUT,), fee=HELD - 1_000_000)
        assert broken(tx, utxo).keys() - {"ValueNotConservedUTxO"} == rules


@pytest.mark.parametrize(
    ("memory", "steps", "refused"),
    [
        (16_500_000, 10_000_000_000, False),
        (16_500_001, 0, True),
        (0, 10_000_000_001, True),
    ],
)
def test_execution_budget_is_limited(memory: int, steps: int, refused: bool) -> None:
    redeemers = (Redeemer(0, 0, b"", memory, 0), Redeemer(1, 0, b"", 0, steps))
    tx = transaction(witnesses={"redeemers": redeemers})
    assert ("ExUnitsTooBigUTxO" in broken(tx)) == refused


@bounded
@given(size=st.integers(1, 5000), collateral_return=st.booleans())
def test_minimum_lovelace_is_exact(size: int, collateral_return: bool) -> None:
    least = (160 + size) * 4310
    for lovelace, rule in ((least, None), (least - 1, "BabbageOutputTooSmallUTxO")):
        small = output(lovelace, size=size)
        body = {"collateral_return": small} if collateral_return else {"outputs": (small,)}
        failure = outputs.output_too_small(transaction(**body), ENVIRONMENT)
        assert (failure and failure.rule) == rule


@bounded
@given(
    lovelace=st.integers(0, 2**64 - 1),
    assets=st.dictionaries(
        st.binary(min_size=28, max_size=60), st.integers(1, 2**64 - 1), max_size=60
    ),
    policies=st.integers(1, 60),
)
def test_value_size_is_that_of_the_ledgers_serialisation(
    lovelace: int, assets: dict[bytes, int], policies: int
) -> None:
    gathered = {
        bytes([n % policies]) * 28 + asset[28:]: q for n, (asset, q) in enumerate(assets.items())
    }
    value = output(lovelace, gathered)
    assert outputs.measure_ledger_value(value) == len(_encode_value(lovelace, gathered))


def _encode_value(lovelace: int, assets: dict[bytes, int]) -> bytes:
    if not assets:
        return cbor2.dumps(lovelace)
    nested: dict[bytes, dict[bytes, int]] = {}
    for asset, quantity in assets.items():
        nested.setdefault(asset[:28], {})[asset[28:]] = quantity
    policies = {cbor2.dumps(key): _encode_map(_dumped(names)) for key, names in nested.items()}
    return b"\x82" + cbor2.dumps(lovelace) + _encode_map(policies)


def _dumped(names: dict[bytes, int]) -> dict[bytes, bytes]:
    return {cbor2.dumps(name): cbor2.dumps(quantity) for name, quantity in names.items()}


def _encode_map(entries: dict[bytes, bytes]) -> bytes:
    content = b"".join(key + value for key, value in entries.items())
    return (
        bytes([0xA0 + len(entries)]) + content if len(entries) < 24 else b"\xbf" + content + b"\xff"
    )


@pytest.mark.parametrize(("received", "names", "refused"), [(5000, 125, False), (6000, 2, False)])
def test_value_limit_counts_the_ledgers_own_bytes(received: int, names: int, refused: bool) -> None:
    """A value spelt at length passes when the ledger would spell it within the limit."""
    assets = {POLICY + bytes([n]): 1 for n in range(names)}
    big = output(HELD, assets, value_size=received)
    failure = outputs.output_too_big(transaction(outputs=(big,)), ENVIRONMENT)
    assert (failure is not None) == refused


def test_values_beyond_the_limit_are_refused() -> None:
    assets = {POLICY + n.to_bytes(32, "big"): 2**63 - 1 for n in range(120)}
    size = outputs.measure_ledger_value(output(HELD, assets))
    big = output(HELD, assets, value_size=size)
    at_limit = replace(ENVIRONMENT, parameters=replace(PARAMETERS, max_value_size=size))
    below = replace(ENVIRONMENT, parameters=replace(PARAMETERS, max_value_size=size - 1))
    tx = transaction(outputs=(big,))
    assert outputs.output_too_big(tx, at_limit) is None
    failure = outputs.output_too_big(tx, below)
    assert failure is not None
    assert failure.rule == "OutputTooBigUTxO"
    assert str(size) in failure.message


def test_fee_message_names_the_figures() -> None:
    message = broken(transaction(fee=1, outputs=(output(HELD - 1),)))["FeeTooSmallUTxO"]
    assert message == "the fee is 1 lovelace, at least 168581 is needed"


def test_the_defaults_are_a_payment_to_oneself() -> None:
    assert transaction().body.outputs[0].address == ADDRESS
    assert transaction().body.fee == FEE
