"""Blocks from JSON: what transactions consume in each form, and JSON that is no block."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facilitator.cardano.ogmios.fields import Malformed
from facilitator.cardano.transaction import OutputRef
from facilitator.plugin import Point
from facilitator_ogmios.blocks import read_block, read_point, read_tip

A, B, C, D = ("aa" * 32, "bb" * 32, "cc" * 32, "dd" * 32)


def shown(name: str, index: int = 0) -> dict[str, Any]:
    return {"transaction": {"id": name}, "index": index}


def ref(name: str, index: int = 0) -> OutputRef:
    return OutputRef(bytes.fromhex(name), index)


def block(*transactions: Any, **fields: Any) -> dict[str, Any]:
    row = {"type": "praos", "era": "conway", "id": A, "ancestor": B, "height": 7, "slot": 140}
    return {**row, "transactions": [*transactions], **fields}


def spent(*transactions: Any) -> dict[OutputRef, str]:
    return dict(read_block(block(*transactions)).spenders)


def test_a_block_has_its_place_and_its_transactions() -> None:
    read = read_block(block({"id": C, "spends": "inputs", "inputs": [shown(A, 3)]}))
    assert (read.block.point, read.block.height, read.block.parent) == (Point(140, A), 7, B)
    assert read.block.transactions == (C,)
    assert read.block.spent == {ref(A, 3)}


def test_a_block_may_have_no_transactions_and_be_the_first() -> None:
    row = block(ancestor="genesis")
    del row["transactions"]
    read = read_block(row)
    assert (read.block.transactions, read.spenders) == ((), {})
    assert read.block.parent == "00" * 32


def test_inputs_are_consumed_or_collateral_is() -> None:
    both = {"id": C, "inputs": [shown(A)], "collaterals": [shown(B)]}
    assert spent({**both, "spends": "inputs"}) == {ref(A): C}
    assert spent({**both, "spends": "collaterals"}) == {ref(B): C}
    assert spent({"id": C, "inputs": [shown(A)]}) == {ref(A): C}


def test_the_inputs_of_sub_transactions_are_consumed_too_unless_scripts_fail() -> None:
    subs = [{"inputs": [shown(B)]}, {"inputs": [shown(D, 1)]}]
    transaction = {"id": C, "inputs": [shown(A)], "subTransactions": subs}
    assert spent(transaction) == {ref(A): C, ref(B): C, ref(D, 1): C}
    failed = {**transaction, "spends": "collaterals", "collaterals": [shown(D)]}
    assert spent(failed) == {ref(D): C}


def test_points_and_tips_may_be_the_origin() -> None:
    assert read_point("origin") is None
    assert read_tip("origin") is None
    assert read_point({"slot": 1, "id": A}) == Point(1, A)


@pytest.mark.parametrize(
    "row",
    [
        None,
        block(height=-1),
        block(slot="1"),
        block(id="aa"),
        block(ancestor=None),
        block({"id": C, "spends": "something"}),
        block({"id": C, "inputs": [{"index": 0}]}),
        block({"id": C, "inputs": [shown("zz")]}),
        block({"inputs": []}),
        block(7),
    ],
)
def test_what_is_no_block_is_malformed(row: Any) -> None:
    with pytest.raises(Malformed):
        read_block(row)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just(A),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
fields = st.sampled_from(["id", "ancestor", "height", "slot", "transactions"])


@settings(deadline=None)
@given(field=fields, value=json_values)
def test_any_json_is_a_block_or_malformed(field: str, value: Any) -> None:
    with suppress(Malformed):
        read_block(block({"id": C, "inputs": [shown(B)]}, **{field: value}))
