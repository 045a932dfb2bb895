"""Witnesses that are added to a signed transaction, whatever form its bytes have."""

from contextlib import suppress
from dataclasses import replace
from hashlib import blake2b
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facilitator.cardano.cbor import DecodeError
from facilitator.cardano.codec.dijkstra.any_era import decode_any_era
from facilitator.cardano.codec.merging import (
    add_vkey_witnesses,
    encode_vkey_witnesses,
    read_vkey_witnesses,
)
from facilitator.cardano.rules import Environment
from facilitator.cardano.rules.future_signers import count_future_bytes
from facilitator.cardano.transaction import Transaction, VKeyWitness
from support import dijkstra, transactions
from support.cbor_forms import AsSet, ChunkedForm, PlainForm, RandomForm, encode
from support.ledger_values import PARAMETERS

VKEYS = 0
OTHER_WITNESSES = {key: value for key, value in transactions.FULL_WITNESSES.items() if key != VKEYS}


def witness(number: int) -> VKeyWitness:
    return VKeyWitness(number.to_bytes(32, "big"), number.to_bytes(64, "big"))


def signed(count: int, form: PlainForm, others: dict[int, Any] = OTHER_WITNESSES) -> bytes:
    """A transaction of Conway with so many vkey witnesses."""
    vkeys = {VKEYS: AsSet([list(witness(n)) for n in range(count)])} if count else {}
    fields = [transactions.FULL_BODY, {**others, **vkeys}, True, transactions.FULL_AUXILIARY]
    return encode(fields, form)


def signed_in_dijkstra(count: int, form: PlainForm) -> bytes:
    vkeys = {VKEYS: AsSet([list(witness(n)) for n in range(count)])} if count else {}
    others = {key: value for key, value in dijkstra.TOP_WITNESSES.items() if key != VKEYS}
    return dijkstra.transaction(
        dijkstra.TOP_BODY, {**others, **vkeys}, dijkstra.TOP_AUXILIARY, form=form
    )


def merged(raw: bytes, *more: VKeyWitness) -> tuple[Transaction, Transaction]:
    """A transaction before and after witnesses were added."""
    before = decode_any_era(raw)
    return before, decode_any_era(add_vkey_witnesses(before, more))


@settings(max_examples=50)
@given(
    seed=st.integers(0, 2**64 - 1),
    present=st.sampled_from([0, 1, 2, 22, 23, 24, 255]),
    more=st.integers(1, 3),
    is_dijkstra=st.booleans(),
)
def test_only_the_signatures_change_in_every_form(
    seed: int, present: int, more: int, is_dijkstra: bool
) -> None:
    random = Random(seed)
    if is_dijkstra:
        raw = signed_in_dijkstra(present, ChunkedForm(random))
    else:
        raw = signed(present, RandomForm(random))
    added = [witness(1000 + n) for n in range(more)]
    before, after = merged(raw, *added)
    assert after.id == before.id
    assert after.body == before.body
    assert set(after.witnesses.vkeys) == {*before.witnesses.vkeys, *added}
    assert len(after.witnesses.vkeys) == present + more
    assert replace(after.witnesses, vkeys=()) == replace(before.witnesses, vkeys=())
    assert after.is_valid == before.is_valid
    assert after.auxiliary_data == before.auxiliary_data


@settings(max_examples=50)
@given(present=st.integers(0, 300), more=st.integers(1, 30))
def test_the_size_grows_by_what_the_rules_count(present: int, more: int) -> None:
    added = [witness(1000 + n) for n in range(more)]
    before, after = merged(signed(present, PlainForm()), *added)
    hashes = frozenset(blake2b(each.vkey, digest_size=28).digest() for each in added)
    env = Environment(0, 0, PARAMETERS, hashes)
    assert after.size - before.size == count_future_bytes(before, env)


@given(seed=st.integers(0, 2**64 - 1), present=st.integers(0, 40))
def test_the_rules_never_count_too_little(seed: int, present: int) -> None:
    added = witness(1000)
    before, after = merged(signed(present, RandomForm(Random(seed))), added)
    env = Environment(0, 0, PARAMETERS, frozenset({blake2b(added.vkey, digest_size=28).digest()}))
    assert after.size - before.size <= count_future_bytes(before, env)


def test_a_transaction_without_any_witness_gets_a_set() -> None:
    before, after = merged(signed(0, PlainForm(), {}), witness(7))
    assert before.witnesses.vkeys == ()
    assert after.witnesses.vkeys == (witness(7),)


def test_what_is_there_already_is_not_added_again() -> None:
    before, after = merged(signed(2, PlainForm()), witness(1), witness(5), witness(5))
    assert after.witnesses.vkeys == (witness(5), *before.witnesses.vkeys)
    assert add_vkey_witnesses(before, [witness(0)]) == before.raw


@given(seed=st.integers(0, 2**64 - 1), count=st.integers(1, 30))
def test_a_witness_set_is_read_in_every_form(seed: int, count: int) -> None:
    expected = tuple(witness(n) for n in range(count))
    raw = encode({VKEYS: AsSet([list(each) for each in expected])}, RandomForm(Random(seed)))
    assert read_vkey_witnesses(raw) == expected
    assert read_vkey_witnesses(encode_vkey_witnesses(expected)) == expected


@pytest.mark.parametrize(
    "value",
    [
        {},
        {VKEYS: AsSet([])},
        OTHER_WITNESSES,
        transactions.FULL_WITNESSES,
        [[bytes(32), bytes(64)]],
        {VKEYS: AsSet([[bytes(31), bytes(64)]])},
    ],
)
def test_any_other_witness_set_is_refused(value: Any) -> None:
    with pytest.raises(DecodeError):
        read_vkey_witnesses(encode(value))


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    with suppress(DecodeError):
        assert read_vkey_witnesses(raw)
