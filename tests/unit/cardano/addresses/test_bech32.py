"""Bech32 and base58, the spellings of addresses."""

import importlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facilitator.cardano.addresses import base58, bech32


@pytest.fixture(scope="module")
def theirs() -> Any:
    """pycardano's module, whose import takes a second: other tests need it not."""
    return importlib.import_module("pycardano.crypto.bech32")


@given(st.binary(max_size=80))
def test_base58_round_trips(data: bytes) -> None:
    assert base58.decode(base58.encode(data)) == data


def test_base58_keeps_leading_zeros() -> None:
    assert base58.encode(b"\0\0\x01") == "112"
    assert base58.encode(bytes.fromhex("00010966776006953d5567439e5e39f86a0d273beed61967f6")) == (
        "16UwLL9Risc3QfPqBUvKofHmBQ7wMtjvM"
    )


@given(st.binary(max_size=80))
def test_bech32_round_trips(theirs: Any, data: bytes) -> None:
    text = bech32.encode("addr", data)
    assert bech32.decode(text) == ("addr", data)
    assert bech32.decode(text.upper()) == ("addr", data)
    assert text == theirs.encode("addr", data)


@given(st.binary(max_size=40), st.data())
def test_bech32_notices_a_changed_character(data: bytes, draw: st.DataObject) -> None:
    text = bech32.encode("addr", data)
    place = draw.draw(st.integers(5, len(text) - 1))
    character = draw.draw(st.sampled_from("qpzry9x8gf2tvdw0s3jn54khce6mua7l"))
    changed = text[:place] + character + text[place + 1 :]
    if changed != text:
        with pytest.raises(ValueError, match="checksum"):
            bech32.decode(changed)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        # invalid strings of BIP-173
        (" 1nwldj5", "a character"),
        ("\x7f1axkwrx", "a character"),
        ("pzry9x0s0muk", "is a prefix"),
        ("1pzry9x0s0muk", "is a prefix"),
        ("x1b4n0q5v", "a character"),
        ("li1dgmt3", "is a prefix"),
        ("A1G7SGD8", "checksum"),
        ("10a06t8", "is a prefix"),
        ("1qzzfhee", "is a prefix"),
        ("A12uEL5L", "upper and lower"),
        # bech32m's checksum
        ("a1lqfn3a", "checksum"),
        ("é1qqqqqq", "a character"),
        ("", "is a prefix"),
    ],
)
def test_bech32_that_bip_173_refuses(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        bech32.decode(text)


@pytest.mark.parametrize("words", [[0], [0, 0, 0], [0, 1], [0, 0, 0, 0, 1]])
def test_bech32_has_no_left_over_bits(theirs: Any, words: list[int]) -> None:
    text = theirs.bech32_encode("addr", words, theirs.Encoding.BECH32)
    with pytest.raises(ValueError, match="left-over bits"):
        bech32.decode(text)
