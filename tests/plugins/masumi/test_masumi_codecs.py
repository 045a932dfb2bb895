"""Identifier, canonical JSON and datum: the specification's vectors, and any input at all."""

import copy
import json
import math
from contextlib import suppress
from typing import Any

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lzstring import LZString

from facilitator.cardano.cbor import DecodeError
from facilitator.cardano.transaction import Credential
from facilitator.roles.refused import Refused
from facilitator_masumi.canonical import canonical_json
from facilitator_masumi.commitment import check_commitment
from facilitator_masumi.datum import Lock, Party, read_lock
from facilitator_masumi.identifier import compress
from facilitator_masumi.schema import Deadlines, read_extra
from support.masumi import (
    ESCROW,
    NONE,
    Constr,
    key_credential,
    offer,
)
from support.masumi_refusals import altered

PROPERTY = settings(max_examples=60)
DIGEST = "ab" * 32

# --- The specification's vectors ------------------------------------------------------------------

IDENTIFIERS = {
    "unregistered": (
        "11" * 32 + ".." + "55" * 16 + ".a10101." + ESCROW,
        "230d7c6574f41d1c0acc96ade8eae04360019f607004d8809c07d005c053019cae007700bce8058680d89818"
        "c04e44002c035931a2c00daf5e00ac9bf00b6c401b80473c6535d00e6003cb8b110199db615001ca8eecc601"
        "9b58076c603b13763a80",
    ),
    "registered": (
        f"{'22' * 32}{'aa' * 28}01.01020304050607.{'66' * 16}.a10102.{ESCROW}",
        "130d7c6574f4218314e4b56f46e00602300e972d82c0662c0162c0562c0362c0763d6975b7d8f3b6f3874381"
        "e004d0402700fa005c0298067093803b802f19e4a6d05018c02715001601ac154a5006d36680560bb405b410"
        "0dc0239611ae64073001eb494192e4700e000e121e70240066610076240c0ae41e400000",
    ),
}
DATUM = (
    "d8799fd8799fd8799f581c11111111111111111111111111111111111111111111111111111111ffd87a80ffd87a80"
    "d8799fd8799f581c22222222222222222222222222222222222222222222222222222222ffd87a80ffd87a8043a101"
    "0150555555555555555555555555555555555820333333333333333333333333333333333333333333333333333333"
    "3333333333"
    + "40401a0015e65e5820"
    + "44" * 32
    + "401b0000019fc75a1f001b0000019fc7910d801b000001"
    "9fc7c7fc001b0000019fc7feea800000d87980ff"
)
LOCK = Lock(
    buyer=Party(Credential(is_script=False, hash=b"\x11" * 28), None),
    buyer_return=None,
    seller=Party(Credential(is_script=False, hash=b"\x22" * 28), None),
    seller_return=None,
    reference_key=bytes.fromhex("a10101"),
    reference_signature=b"\x55" * 16,
    seller_nonce=b"\x33" * 32,
    buyer_nonce=b"",
    agent_identifier=b"",
    collateral=1_435_230,
    input_hash=b"\x44" * 32,
    result_hash=b"",
    deadlines=Deadlines(1785756000000, 1785759600000, 1785763200000, 1785766800000),
    seller_cooldown=0,
    buyer_cooldown=0,
)


@pytest.mark.parametrize(("text", "compressed"), IDENTIFIERS.values(), ids=IDENTIFIERS)
def test_the_identifiers_of_the_specification(text: str, compressed: str) -> None:
    assert compress(text) == compressed


def test_the_datum_of_the_specification() -> None:
    assert read_lock(bytes.fromhex(DATUM)) == LOCK


# --- The identifier -------------------------------------------------------------------------------


@PROPERTY
@given(text=st.text(st.characters(max_codepoint=0x7E, min_codepoint=0x20), max_size=400))
def test_an_identifier_stands_for_its_text_alone(text: str) -> None:
    units = bytes.fromhex(compress(text)).decode("utf-16-be", "surrogatepass")
    assert LZString.decompress(units) == text


# --- Canonical JSON -------------------------------------------------------------------------------

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**64), 2**64)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)


def as_doubles(value: Any) -> Any:
    """The value as a reader has it that knows doubles alone."""
    if isinstance(value, dict):
        return {name: as_doubles(item) for name, item in value.items()}
    if isinstance(value, list):
        return [as_doubles(item) for item in value]
    return float(value) if type(value) is int else value


@PROPERTY
@given(value=JSON)
def test_the_canonical_form_is_the_same_value(value: Any) -> None:
    assert as_doubles(json.loads(canonical_json(value))) == as_doubles(value)


@PROPERTY
@given(value=JSON)
def test_the_canonical_form_is_one(value: Any) -> None:
    """Whatever the order of names, and however a number is written."""
    again = canonical_json(json.loads(canonical_json(value)))
    assert again == canonical_json(value) == canonical_json(as_doubles(value))
    if isinstance(value, dict):
        assert canonical_json(dict(reversed(value.items()))) == again


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (9007199254740992, "9007199254740992"),
        (12345678901234567890123, "1.2345678901234568e+22"),
        (1e21, "1e+21"),
        (1e-7, "1e-7"),
        (-0.0, "0"),
        (2.0, "2"),
        ("\u2028\u00e9\x01", '"\u2028\u00e9\\u0001"'),
        ({"\U0001f600": 1, "\ufb33": 2}, '{"\U0001f600":1,"\ufb33":2}'),
    ],
)
def test_numbers_texts_and_order_are_those_of_ecmascript(value: Any, text: str) -> None:
    """RFC 8785: names go by their UTF-16 code units."""
    assert canonical_json(value).decode() == text


def test_what_has_no_canonical_form_is_refused() -> None:
    part = {"name": "body", "canonicalization": "jcs", "content": math.inf, "digest": DIGEST}
    with pytest.raises(Refused, match="'body'"):
        check_commitment({"parts": [part], "digest": DIGEST})


# --- The datum ------------------------------------------------------------------------------------


def encodings(value: Any) -> st.SearchStrategy[bytes]:
    """Any of the encodings that Plutus data has of the value."""
    if isinstance(value, Constr):
        fields = st.tuples(*(encodings(field) for field in value.fields)).map(b"".join)
        size = len(value.fields)
        array = (
            fields.map(lambda inner: bytes([0x80 + size]) + inner) if size < 24 else st.nothing()
        )
        array |= fields.map(lambda inner: b"\x9f" + inner + b"\xff")
        general = array.map(lambda inner: b"\xd8\x66\x82" + bytes([value.alternative]) + inner)
        return array.map(lambda inner: bytes([0xD8, 121 + value.alternative]) + inner) | general
    if isinstance(value, bytes):
        cuts = st.lists(st.integers(0, len(value)), max_size=4).map(sorted)
        chunks = cuts.map(
            lambda at: [value[a:b] for a, b in zip([0, *at], [*at, len(value)], strict=True)]
        ).filter(lambda parts: all(len(part) <= 64 for part in parts))
        chunked = chunks.map(lambda parts: b"\x5f" + b"".join(map(cbor2.dumps, parts)) + b"\xff")
        return chunked | st.just(cbor2.dumps(value))
    wide = b"\x1b" + value.to_bytes(8, "big")
    big = b"\xc2" + cbor2.dumps(value.to_bytes(9, "big"))
    return st.sampled_from([cbor2.dumps(value), wide, big])


SAMPLE = Constr(
    0,
    (
        Constr(0, (key_credential(b"\x11" * 28), NONE)),
        NONE,
        Constr(0, (key_credential(b"\x22" * 28), NONE)),
        NONE,
        bytes.fromhex("a10101"),
        b"\x55" * 16,
        b"\x33" * 32,
        b"",
        b"",
        1_435_230,
        b"\x44" * 32,
        b"",
        *(1785756000000, 1785759600000, 1785763200000, 1785766800000),
        *(0, 0),
        Constr(0, ()),
    ),
)


@PROPERTY
@given(datum=encodings(SAMPLE))
def test_the_datum_is_read_in_every_encoding(datum: bytes) -> None:
    assert read_lock(datum) == LOCK


@PROPERTY
@given(datum=altered(bytes.fromhex(DATUM)))
def test_any_datum_is_read_or_refused(datum: bytes) -> None:
    """Nothing but :class:`DecodeError` is raised, wherever a few bytes are replaced."""
    with suppress(DecodeError):
        read_lock(datum)


# --- The whole of extra ---------------------------------------------------------------------------


def places(value: Any) -> list[tuple[Any, ...]]:
    """Paths to everything within the value."""
    if not isinstance(value, dict | list):
        return []
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    return [(name, *rest) for name, item in inner for rest in ((), *places(item))]


EXTRA = offer()["extra"]


@PROPERTY
@given(path=st.sampled_from(places(EXTRA)), value=JSON, added=st.booleans())
def test_extra_with_anything_anywhere_is_read_or_refused(
    path: tuple[Any, ...], value: Any, added: bool
) -> None:
    extra = copy.deepcopy(EXTRA)
    at: Any = extra
    for name in path[:-1]:
        at = at[name]
    if added and isinstance(at, dict):
        at["more"] = value
        # the content of a part may hold whatever the application wants
        is_closed = path[:-1] != ("inputCommitment", "parts", 0, "content")
    else:
        at[path[-1]] = value
        is_closed = False
    try:
        check_commitment(read_extra(extra, 0).commitment)
    except Refused:
        return
    assert not is_closed
