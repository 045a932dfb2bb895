"""Plutus scripts: which ones the ledger decodes."""

from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facilitator.cardano.transaction import Language
from support.plutus_programs import (
    Plain,
    constant_type,
    malformed,
    natural,
    packed,
    program,
    script,
)

V1, V2, V3 = Language.PLUTUS_V1, Language.PLUTUS_V2, Language.PLUTUS_V3
INTEGER, BYTES, STRING, UNIT, BOOL, LIST, PAIR, APPLY, DATA = range(9)
G1 = 9
ERROR = "0110"
LARGEST = 16_384


TERMS = st.recursive(
    st.one_of(
        st.just(("error",)),
        st.tuples(st.just("var"), st.integers(0, 2**64 - 1)),
        st.tuples(st.just("builtin"), st.integers(0, 50)),
        st.tuples(st.just("con"), st.just([INTEGER]), st.integers(0, 2**80)),
        st.tuples(st.just("con"), st.just([BYTES]), st.binary(max_size=300)),
        st.tuples(st.just("con"), st.just([STRING]), st.text(max_size=9).map(str.encode)),
        st.tuples(st.just("con"), st.just([DATA]), st.integers(0, 99).map(cbor2.dumps)),
        st.tuples(st.just("con"), st.just([APPLY, LIST, BOOL]), st.sampled_from(["0", "10110"])),
    ),
    lambda inner: st.one_of(
        st.tuples(st.sampled_from(["delay", "lam", "force"]), inner),
        st.tuples(st.just("apply"), inner, inner),
        st.tuples(st.just("constr"), st.integers(0, 2**64 - 1), st.lists(inner, max_size=3)),
        st.tuples(st.just("case"), inner, st.lists(inner, max_size=3)),
    ),
    max_leaves=12,
)


@given(TERMS, st.sampled_from([9, 10, 11]))
def test_programs_are_well_formed_whole_and_not_otherwise(term: Any, major: int) -> None:
    code = program(term)
    flat = cbor2.loads(code)
    for language in (V1, V2, V3):
        assert malformed(code, language, major) is None
        for wrong in (flat[:-1], flat[: len(flat) // 2], flat + b"\x01", b""):
            assert malformed(cbor2.dumps(wrong), language, major) is not None


SIMPLE_TAGS = st.sampled_from([INTEGER, UNIT, BOOL, LIST, PAIR, APPLY, APPLY, G1])
SIMPLE_TYPES = st.recursive(
    st.sampled_from([[INTEGER], [UNIT], [BOOL]]),
    lambda inner: st.one_of(
        inner.map(lambda kind: [APPLY, LIST, *kind]),
        st.tuples(inner, inner).map(lambda kinds: [APPLY, APPLY, PAIR, *kinds[0], *kinds[1]]),
    ),
    max_leaves=4,
)
SIMPLE = st.one_of(
    st.text("01", max_size=40),
    st.builds(
        lambda tags, value: "0100" + constant_type(tags) + value,
        st.one_of(SIMPLE_TYPES, st.lists(SIMPLE_TAGS, max_size=7)),
        st.text("01", max_size=24),
    ),
)


@given(st.lists(SIMPLE, max_size=3), st.sampled_from([(1, 0, 0), (1, 1, 0), (0, 300, 0)]))
def test_any_bits_are_judged_as_by_a_recursive_decoder(parts: list[str], version: Any) -> None:
    bits = "0011" * (len(parts) - 1) + "".join(parts)
    flat = packed("".join(map(natural, version)) + bits)
    try:
        Plain(flat).whole()
        well_formed = True
    except ValueError:
        well_formed = False
    assert (malformed(cbor2.dumps(flat)) is None) == well_formed


@given(st.binary(max_size=200), st.sampled_from([V1, V2, V3]), st.sampled_from([9, 10, 11]))
def test_no_bytes_break_it(raw: bytes, language: Language, major: int) -> None:
    for code in (raw, cbor2.dumps(raw), cbor2.dumps(b"\x01\x01\x00" + raw)):
        assert malformed(code, language, major) != ""


def test_the_envelope_is_a_byte_string() -> None:
    code = script(ERROR)
    wide = b"\x59" + (len(code) - 1).to_bytes(2, "big") + code[1:]
    for language in (V1, V2, V3):
        assert malformed(wide, language) is None
        for wrong in (b"", b"invalid", b"\x5f" + code + b"\xff", code[:-1], b"\x82" + code + code):
            assert malformed(wrong, language) is not None
    assert malformed(code + b"\x00", V1) is None
    assert malformed(code + b"\x00", V2) is None
    assert malformed(code + b"\x00", V3) == "1 bytes follow its program"


@pytest.mark.parametrize(
    ("language", "major", "last", "beyond"),
    [
        (V1, 9, 50, set()),
        (V1, 10, 50, set()),
        (V2, 9, 53, set()),
        (V2, 10, 53, {73, 74}),
        (V3, 9, 74, set()),
        (V3, 10, 86, set()),
        (V1, 11, 100, set()),
        (V2, 11, 100, set()),
        (V3, 11, 100, set()),
    ],
)
def test_builtins_by_language_and_protocol_version(
    language: Language, major: int, last: int, beyond: set[int]
) -> None:
    there = {tag for tag in range(128) if not malformed(program(("builtin", tag)), language, major)}
    assert there == set(range(last + 1)) | beyond


def test_constr_and_case_came_with_version_1_1_0() -> None:
    for bits in ("1000" + natural(0) + "0", "1001" + ERROR + "0"):
        for version in ((1, 1, 0), (1, 2, 0), (2, 0, 0), (1, 1, 9)):
            assert malformed(script(bits, version)) is None
        for version in ((1, 0, 0), (1, 0, 9), (0, 9, 9), (0, 1 << 60_000, 0)):
            assert malformed(script(bits, version)) is not None
    assert malformed(script(ERROR, (7, 7, 7))) is None


def test_unknown_terms() -> None:
    for tag in range(10, 16):
        assert malformed(script(f"{tag:04b}" + ERROR)) == "a term has an unknown tag"


@pytest.mark.parametrize("before", ["0000", "1000"])
def test_numbers_of_terms_fit_64_bits(before: str) -> None:
    after = "0" if before == "1000" else ""
    eight = "1" + "1" * 7
    for number, fits in (
        (natural(2**64 - 1), True),
        (natural(2**64), False),
        (eight * 9 + "0" * 8, True),
        (eight * 9 + "00000010", False),
        (eight * 9 + "10000000" + "0" * 8, False),
    ):
        assert (malformed(script(before + number + after)) is None) == fits
    assert malformed(script("0100" + constant_type([INTEGER]) + natural(2**640))) is None


def test_protocol_version_11_limits_the_fields_of_constr() -> None:
    for fields, available in ((1024, True), (1025, False)):
        constr = program(("constr", 0, [("error",)] * fields))
        assert (malformed(constr, V3, 11) is None) == available
        assert malformed(constr, V3, 10) is None
        assert malformed(program(("case", ("error",), [("error",)] * fields)), V3, 11) is None


BIT_COUNT = 8 * LARGEST - 64
HOSTILE = {
    "delays": "0001" * (BIT_COUNT // 4) + ERROR,
    "applications": "0011" * (BIT_COUNT // 8) + ERROR * (BIT_COUNT // 8 + 1),
    "case in case": "1001" * (BIT_COUNT // 5) + ERROR + "0" * (BIT_COUNT // 5),
    "constr in constr": ("1000" + "0" * 8 + "1") * (BIT_COUNT // 14)
    + ERROR
    + "0" * (BIT_COUNT // 14),
    "fields": "1000" + "0" * 8 + ("1" + ERROR) * (BIT_COUNT // 5) + "0",
    "units": "0100" + constant_type([APPLY, LIST, UNIT]) + "1" * BIT_COUNT + "0",
    "truths": "0100" + constant_type([APPLY, LIST, BOOL]) + "11" * (BIT_COUNT // 2) + "0",
    "lists in lists": "0100"
    + constant_type([APPLY, LIST] * (BIT_COUNT // 13) + [BOOL])
    + "1" * (BIT_COUNT // 13)
    + "0" * (BIT_COUNT // 13 + 1),
    "pairs of nothing": "0100"
    + constant_type([APPLY, LIST, *[APPLY, APPLY, PAIR, UNIT] * (BIT_COUNT // 48), BOOL])
    + "11" * (BIT_COUNT // 4)
    + "0",
    "a long number": "0100" + constant_type([INTEGER]) + "1" * (BIT_COUNT // 8 * 8) + "0" * 8,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_the_most_that_fits_a_transaction_is_gone_over_without_recursion(name: str) -> None:
    code = script(HOSTILE[name])
    assert LARGEST * 0.75 < len(code) <= LARGEST + 16
    assert malformed(code) is None
