"""Native scripts, Plutus data and metadata: what is well-formed, to any depth."""

import importlib
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facilitator.cardano.cbor import DecodeError, Reader, read_all
from facilitator.cardano.codec.scripts import (
    make_script,
    read_native_script,
    read_plutus_data,
    read_reference_script,
    skip_metadatum,
)
from facilitator.cardano.transaction import Language
from support.cbor_forms import Pairs, RandomForm, Raw, Tagged, encode
from support.transactions import KEY_HASH, NATIVE_SCRIPT

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


SEEDS = st.integers(0, 2**64 - 1)


@given(NATIVE, SEEDS)
def test_native_scripts_in_every_form(script: object, seed: int) -> None:
    raw = encode(script, RandomForm(Random(seed)))
    assert read_all(raw, read_native_script, "x") == raw


@given(DATA, SEEDS)
def test_plutus_data_in_every_form(data: object, seed: int) -> None:
    raw = encode(data, RandomForm(Random(seed)))
    assert read_all(raw, read_plutus_data, "x") == raw


@given(METADATA, SEEDS)
def test_metadata_in_every_form(metadata: object, seed: int) -> None:
    raw = encode(metadata, RandomForm(Random(seed)))
    reader = Reader(raw + b"rest")
    skip_metadatum(reader)
    assert reader.pos == len(raw)


@pytest.mark.parametrize(
    "raw",
    [
        "c240",  # bignums, their bytes in one piece or in chunks
        "c3420100",
        "c25f41014102ff",
        "5fff",
        "5f58403132" + "00" * 62 + "4100ff",
        "5840" + "00" * 64,
        "d8669f019fffff",  # the general constructor with everything indefinite
        "bf0102ff",
        "a201020103",  # a key twice
        "d9007980",  # a tag in a wider head than it needs
    ],
)
def test_plutus_data_as_plutus_takes_it(raw: str) -> None:
    assert read_all(bytes.fromhex(raw), read_plutus_data, "x").hex() == raw


@pytest.mark.parametrize(
    "raw",
    [
        "5841" + "00" * 65,  # a leaf or a chunk of more than 64 bytes
        "5f5841" + "00" * 65 + "ff",
        "c25841" + "00" * 65,
        "c201",  # a bignum of something else
        "d80240",  # a bignum's tag in a wider head, which cborg doesn't read as one
        "6161",
        "f6",
        "f5",
        "fb0000000000000000",
        "d87880",  # constructors out of range
        "d88080",
        "d904ff80",
        "d9057980",
        "d87901",  # of something else than a list
        "d866820100",
        "d8668101",
        "d86683018080",
        "d8668220" + "80",
        "d8669f0180" + "80ff",
        "d8669f0180",
        "bf01ff",  # a map with a key and no value
        "8101ff",
        "82ff01",
        "a1ff",
        "5f01ff",
        "5f5fffff",
        "ff",
        "80" * 2,
        "",
    ],
)
def test_plutus_data_that_plutus_refuses(raw: str) -> None:
    with pytest.raises(DecodeError):
        read_all(bytes.fromhex(raw), read_plutus_data, "x")


@pytest.mark.parametrize(
    "script",
    [
        0,
        [],
        [6, 0],
        [-1, 0],
        [0],
        [0, KEY_HASH[1:]],
        [0, KEY_HASH, 1],
        [1],
        [1, 0],
        [1, [0]],
        [1, {}],
        [1, [], []],
        [3, []],
        [3, 1],
        [3, 2**63, []],
        [3, b"", []],
        [4, -1],
        [5, 2**64 - 1, 0],
        [5, None],
        [2, [[1, [[0, KEY_HASH], [9, 9]]]]],
    ],
    ids=str,
)
def test_native_scripts_that_the_ledger_refuses(script: object) -> None:
    with pytest.raises(DecodeError):
        read_all(encode(script), read_native_script, "x")


@pytest.mark.parametrize("raw", ["9f0180", "9f018080ff", "9f0400ff00", "9f01ff", "8201ff"])
def test_native_scripts_that_end_in_the_wrong_place(raw: str) -> None:
    with pytest.raises(DecodeError):
        read_all(bytes.fromhex(raw), read_native_script, "x")


@pytest.mark.parametrize(
    ("raw", "longest"),
    [
        ("7f617a" + "783e" + "61" * 62 + "ff", 63),
        ("7f617a" + "7840" + "61" * 64 + "ff", 65),
        ("5f41004100ff", 2),
        ("7fff", 0),
        ("5fff", 0),
        ("7840" + "61" * 64, 64),
        ("7841" + "61" * 65, 65),
        ("82" + "5841" + "00" * 65 + "4100", 65),
        ("a1" + "62c3a9" + "00", 2),
    ],
)
def test_metadata_strings_in_one_piece_and_in_chunks(raw: str, longest: int) -> None:
    reader = Reader(bytes.fromhex(raw))
    assert skip_metadatum(reader) == longest
    assert reader.pos == reader.end


@pytest.mark.parametrize(
    "raw",
    [
        "7f4100ff",  # a chunk of the other kind
        "5f6161ff",
        "7f61c361a9ff",  # a character split between chunks
        "61ff",
        "7f6161",
        "c240",
        "f4",
        "ff",
        "81ff",
        "bf01ff",
        "9f01",
    ],
)
def test_metadata_that_the_ledger_refuses(raw: str) -> None:
    with pytest.raises(DecodeError):
        read_all(bytes.fromhex(raw), skip_metadatum, "x")


@pytest.mark.parametrize(
    ("before", "innermost", "after"),
    [
        (b"\x81", b"\0", b""),
        (b"\x9f", b"\0", b"\xff"),
        (b"\xa1\0", b"\0", b""),
        (b"\xbf\0", b"\0", b"\xff"),
        (b"\xa1", b"\0", b"\0"),
        (b"\xd8\x79\x81", b"\0", b""),
        (b"\xd8\x66\x9f\0\x9f", b"\0", b"\xff\xff"),
    ],
)
def test_data_nested_deep(before: bytes, innermost: bytes, after: bytes) -> None:
    raw = before * DEPTH + innermost + after * DEPTH
    assert read_all(raw, read_plutus_data, "x") == raw
    if not before.startswith(b"\xd8"):
        read_all(raw, skip_metadatum, "x")
    with pytest.raises(DecodeError):
        read_all(raw[:-1], read_plutus_data, "x")


@pytest.mark.parametrize(
    ("before", "after"),
    [(b"\x82\1\x81", b""), (b"\x9f\2\x9f", b"\xff\xff"), (b"\x83\3\0\x81", b"")],
)
def test_native_scripts_nested_deep(before: bytes, after: bytes) -> None:
    raw = before * DEPTH + b"\x82\4\0" + after * DEPTH
    assert read_all(raw, read_native_script, "x") == raw
    with pytest.raises(DecodeError):
        read_all(raw[:-1], read_native_script, "x")


def test_hashes_are_those_of_another_implementation() -> None:
    pycardano = importlib.import_module("pycardano")  # takes a second: other tests need it not
    raw = encode(NATIVE_SCRIPT)
    expected = pycardano.NativeScript.from_primitive([0, KEY_HASH]).hash().payload
    assert make_script(Language.NATIVE, encode([0, KEY_HASH])).hash == expected
    expected = pycardano.plutus_script_hash(pycardano.PlutusV2Script(raw)).payload
    assert make_script(Language.PLUTUS_V2, raw).hash == expected


@pytest.mark.parametrize("language", [each for each in Language if each < Language.PLUTUS_V4])
def test_reference_scripts_of_every_language(language: Language) -> None:
    body = encode(NATIVE_SCRIPT) if language is Language.NATIVE else b"code"
    script = Raw(body) if language is Language.NATIVE else body
    assert read_reference_script(encode([int(language), script])) == make_script(language, body)
    assert (
        read_reference_script(b"\x9f" + encode([int(language), script])[1:] + b"\xff").body == body
    )


@pytest.mark.parametrize("script", [[0], [1, b"", b""], [4, b""], [1, [0, KEY_HASH]], b"", [0, 0]])
def test_reference_scripts_that_the_ledger_refuses(script: object) -> None:
    with pytest.raises(DecodeError):
        read_reference_script(encode(script))


def test_nothing_may_follow_a_reference_script() -> None:
    with pytest.raises(DecodeError, match="followed by 1 more"):
        read_reference_script(encode([1, b"code"]) + b"\0")
