"""Constants in Plutus scripts: types that have values, and values of them."""

from collections.abc import Sequence
from typing import Any

import cbor2
import pytest

from facilitator.cardano.transaction import Language
from support.plutus_programs import (
    byte_string,
    constant_type,
    malformed,
    natural,
    packed,
    program,
    script,
)

V1, V3 = Language.PLUTUS_V1, Language.PLUTUS_V3
INTEGER, BYTES, STRING, UNIT, BOOL, LIST, PAIR, APPLY, DATA = range(9)
G1, G2, ML_RESULT, ARRAY, VALUE = range(9, 14)


def constant(tags: list[int], value: str) -> bytes:
    return script("0100" + constant_type(tags) + value)


def bytes_constant(kind: int, *values: bytes, protocol_major: int = 10) -> str | None:
    term: tuple[Any, ...] = ("error",)
    for value in values:
        term = ("apply", term, ("con", [kind], value))
    return malformed(program(term), protocol_major=protocol_major)


@pytest.mark.parametrize(
    ("tags", "value"),
    [
        ([UNIT], ""),
        ([BOOL], "1"),
        ([APPLY, LIST, UNIT], "1110"),
        ([APPLY, LIST, G1], "0"),
        ([APPLY, LIST, APPLY, LIST, BOOL], "1" + "110" + "10" + "0"),
        ([APPLY, APPLY, PAIR, UNIT, UNIT], ""),
        ([APPLY, APPLY, PAIR, BOOL, UNIT], "1"),
        ([APPLY, APPLY, PAIR, UNIT, APPLY, LIST, BOOL], "10" + "11" + "0"),
        ([APPLY, APPLY, PAIR, BOOL, BOOL], "11"),
        ([APPLY, LIST, APPLY, APPLY, PAIR, BOOL, APPLY, LIST, UNIT], "1" + "10" + "1" + "10" + "0"),
    ],
)
def test_types_with_values(tags: list[int], value: str) -> None:
    assert malformed(constant(tags, value)) is None
    # 16 bits more do not fit the filler, so each bit of the value counts
    assert malformed(constant(tags, value + "01" * 8)) is not None


@pytest.mark.parametrize(
    "tags",
    [
        [],
        [LIST],
        [PAIR],
        [APPLY],
        [APPLY, LIST],
        [APPLY, PAIR, UNIT],
        [APPLY, UNIT, UNIT],
        [APPLY, LIST, LIST],
        [APPLY, APPLY, PAIR, UNIT, LIST],
        [APPLY, APPLY, LIST, UNIT, UNIT],
        [APPLY, APPLY, APPLY, PAIR, UNIT, UNIT, UNIT],
        [UNIT, UNIT],
        [14],
        [15],
        [ARRAY],
        [APPLY, ARRAY, UNIT],
        [VALUE],
        [G1],
        [G2],
        [ML_RESULT],
    ],
)
def test_types_without_values_in_protocol_version_10(tags: list[int]) -> None:
    for value in ("", "0", "00000000"):
        assert malformed(constant(tags, value)) is not None


def test_protocol_version_11_has_arrays_and_a_limit_on_types() -> None:
    array = constant([APPLY, ARRAY, BOOL], "1" + "0" + "1" + "1" + "0")
    assert malformed(array, V1, 11) is None
    for depth, available in ((15, True), (16, False)):
        nested = constant([*[APPLY, LIST] * depth, UNIT], "0")
        assert (malformed(nested, V3, 11) is None) == available
        assert malformed(nested, V3, 10) is None


Policies = Sequence[tuple[bytes, Sequence[tuple[bytes, int]]]]


def value_bits(entries: Policies) -> bytes:
    bits = "".join(map(natural, (1, 1, 0))) + "0100" + constant_type([VALUE])
    for policy, assets in entries:
        bits += "1"
        bits += byte_string(policy, len(bits))
        for name, zigzag in assets:
            bits += "1"
            bits += byte_string(name, len(bits))
            bits += natural(zigzag)
        bits += "0"
    return cbor2.dumps(packed(bits + "0"))


def test_value_constants_are_normal() -> None:
    good = [(b"", [(b"", 2)]), (b"p" * 32, [(b"a", 1), (b"b" * 32, 2**128 - 1)])]
    assert malformed(value_bits([]), V3, 11) is None
    assert malformed(value_bits(good), V3, 11) is None
    assert malformed(value_bits(good), V3, 10) is not None
    wrong: Policies
    for wrong in (
        [(b"p", [])],
        [(b"p", [(b"a", 0)])],
        [(b"p", [(b"a", 2**128)])],
        [(b"p" * 33, [(b"a", 1)])],
        [(b"p", [(b"a" * 33, 1)])],
        [(b"p", [(b"a", 1), (b"a", 1)])],
        [(b"p", [(b"b", 1), (b"a", 1)])],
        [(b"q", [(b"a", 1)]), (b"p", [(b"a", 1)])],
    ):
        assert malformed(value_bits(wrong), V3, 11) is not None


def test_strings_and_data_are_what_they_say() -> None:
    assert bytes_constant(STRING, "é".encode(), b"") is None
    assert bytes_constant(STRING, b"\xff") == "a string constant is not UTF-8"
    assert bytes_constant(STRING, b"\xed\xa0\x80") is not None
    assert bytes_constant(DATA, b"\x00", b"\xd8\x79\x80", b"\x9f\x9f\xff\xff") is None
    for wrong in (b"", b"\x00\x00", b"\xf6", b"\x61a", b"\x58\x41" + bytes(65)):
        assert bytes_constant(DATA, wrong) is not None


def test_byte_strings_are_aligned_and_chunked() -> None:
    long = bytes(range(256)) * 3
    assert bytes_constant(BYTES, long, b"", long[:255]) is None
    start = "0100" + constant_type([BYTES])
    at = 24 + len(start)
    chunks = byte_string(b"", at)[:-8] + "00000001" * 4 + "0" * 8
    assert malformed(script(start + chunks)) is None
    assert malformed(script(start + "0" * 8 + byte_string(b"", at))) is None
    assert malformed(script(start + "1" + byte_string(b"", at))) is not None
    assert malformed(script(start + byte_string(b"", at)[:-8] + "11111111" + "0" * 80)) is not None
