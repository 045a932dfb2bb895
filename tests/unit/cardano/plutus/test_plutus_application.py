"""Parameters applied to Plutus scripts, and the forms that scripts are written in."""

from typing import Any

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facilitator.cardano.phase2.data import TRUE, encode_data
from facilitator.cardano.plutus.application import apply_parameters, normalise_script
from facilitator.cardano.plutus.flat_bits import MalformedScriptError
from support.plutus_programs import program

BYTES, STRING, DATA = 1, 2, 8
DEEP = 3_000
SMALL = 2**62
"""The library ``uplc`` makes bignums of some integers that fit 64 bits."""

DATA_VALUES = st.one_of(st.integers(-SMALL, SMALL), st.binary(max_size=600), st.just(TRUE))
PARAMETERS = st.lists(DATA_VALUES.map(encode_data), max_size=3)
TERMS = st.recursive(
    st.one_of(
        st.tuples(st.just("var"), st.integers(0, 2**64 - 1)),
        st.tuples(st.just("builtin"), st.integers(0, 50)),
        st.tuples(st.just("con"), st.just([BYTES]), st.binary(max_size=300)),
        st.tuples(st.just("con"), st.just([STRING]), st.text(max_size=9).map(str.encode)),
        st.tuples(st.just("con"), st.just([DATA]), st.integers(0, 99).map(cbor2.dumps)),
    ),
    lambda inner: st.one_of(
        st.tuples(st.sampled_from(["delay", "lam", "force"]), inner),
        st.tuples(st.just("apply"), inner, inner),
        st.tuples(st.just("constr"), st.integers(0, 200), st.lists(inner, max_size=3)),
        st.tuples(st.just("case"), inner, st.lists(inner, max_size=3)),
    ),
    max_leaves=12,
)


def applied(term: Any, parameters: list[bytes]) -> Any:
    for parameter in parameters:
        term = ("apply", term, ("con", [DATA], parameter))
    return term


@given(TERMS, PARAMETERS)
def test_it_is_the_program_that_applies_the_script(term: Any, parameters: list[bytes]) -> None:
    assert apply_parameters(program(term), parameters) == program(applied(term, parameters))


@settings(max_examples=30)
@given(TERMS, PARAMETERS)
def test_the_library_uplc_encodes_it_alike(term: Any, parameters: list[bytes]) -> None:
    uplc = pytest.importorskip("uplc.ast", reason="the extra [plutus] is not installed")
    decoder = pytest.importorskip("uplc.flat_decoder")
    encoder = pytest.importorskip("uplc.flat_encoder")
    code = program(term)
    bits = "".join(f"{byte:08b}" for byte in cbor2.loads(code))
    read = decoder.UplcDeserializer(bits).read_program()
    inner = read.term
    for parameter in parameters:
        inner = uplc.Apply(inner, uplc.data_from_cbor(parameter))
    visitor = encoder.FlatEncodingVisitor()
    visitor.visit(uplc.Program(read.version, inner))
    assert apply_parameters(code, parameters) == cbor2.dumps(visitor.bit_writer.finalize())


def test_however_deep_it_is_nested() -> None:
    flat = cbor2.loads(program(("error",)))
    two_lambdas = b"\x22"
    deep = cbor2.dumps(flat[:3] + two_lambdas * DEEP + flat[3:])
    moved = flat[:3] + b"\x32" + two_lambdas * (DEEP - 1) + b"\x26"
    assert cbor2.loads(apply_parameters(deep, [b"\x01"])).startswith(moved)


@given(TERMS)
def test_a_script_may_be_wrapped_in_byte_strings(term: Any) -> None:
    code = program(term)
    assert [
        normalise_script(form) for form in (cbor2.loads(code), code, cbor2.dumps(code))
    ] == 3 * [code]


@given(TERMS)
def test_a_wrapping_that_is_there_is_kept(term: Any) -> None:
    """Its bytes are hashed too, however long its head is."""
    flat = cbor2.loads(program(term))
    code = b"\x5b" + len(flat).to_bytes(8, "big") + flat
    assert normalise_script(code) == normalise_script(cbor2.dumps(code)) == code


@given(st.binary(max_size=60))
def test_what_is_no_program_is_refused(code: bytes) -> None:
    try:
        found = normalise_script(code)
    except MalformedScriptError:
        return
    assert normalise_script(found) == found
    assert apply_parameters(found, []) == cbor2.dumps(cbor2.loads(found))
