"""Native scripts, Plutus data and metadata: what is well-formed, to any depth."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycardano import NativeScript, PlutusV2Script, plutus_script_hash
from support.cbor_forms import Pairs, RandomForm, Raw, Tagged, encode
from support.transactions import DATUM, KEY_HASH, NATIVE_SCRIPT

from facilitator.cardano.cbor import DecodeError, read_all
from facilitator.cardano.decode_scripts import (
    make_script,
    metadatum,
    native_script,
    plutus_data,
    reference_script,
)
from facilitator.cardano.transaction import Language

DEPTH = 10_000

NATIVE = st.recursive(
    st.one_of(
        st.binary(min_size=28, max_size=28).map(lambda key: [0, key]),
        st.tuples(st.sampled_from([4, 5]), st.integers(0, 2**64 - 1)).map(list),
    ),
    lambda inner: st.one_of(
        st.tuples(st.sampled_from([1, 2]), st.lists(inner, max_size=4)).map(list),
        st.tuples(st.just(3), st.integers(-(2**63), 2**63 - 1), st.lists(inner, max_size=4)).map(
            list
        ),
    ),
    max_leaves=12,
)
LEAVES = st.one_of(st.integers(-(2**64), 2**64 - 1), st.binary(max_size=64))
DATA = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(st.tuples(inner, inner), max_size=3).map(Pairs),
        st.builds(
            Tagged,
            st.sampled_from([121, 127, 1280, 1400]),
            st.lists(inner, max_size=3),
        ),
        st.builds(
            lambda number, inside: Tagged(102, [number, inside]),
            st.integers(0, 2**64 - 1),
            st.lists(inner, max_size=3),
        ),
    ),
    max_leaves=12,
)
METADATA = st.recursive(
    st.one_of(LEAVES, st.text(max_size=16)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(st.tuples(inner, inner), max_size=3).map(Pairs),
    ),
    max_leaves=12,
)


@given(NATIVE, st.randoms())
def test_native_scripts_in_every_form(script: object, random: object) -> None:
    raw = encode(script, RandomForm(random))  # type: ignore[arg-type]
    assert read_all(raw, native_script, "x") == raw


@given(DATA, st.randoms())
def test_plutus_data_in_every_form(data: object, random: object) -> None:
    raw = encode(data, RandomForm(random))  # type: ignore[arg-type]
    assert read_all(raw, plutus_data, "x") == raw


@given(METADATA, st.randoms())
def test_metadata_in_every_form(metadata: object, random: object) -> None:
    read_all(encode(metadata, RandomForm(random)), metadatum, "x")  # type: ignore[arg-type]
