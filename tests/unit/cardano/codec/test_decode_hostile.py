"""Whatever the bytes, decoding ends soon: in a value or in a :class:`DecodeError`."""

import tracemalloc
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facilitator.cardano.codec.transaction_decoder import (
    DecodeError,
    decode_output,
    decode_transaction,
)
from support.cbor_forms import encode, head
from support.transactions import (
    ADDRESS,
    FULL_AUXILIARY,
    FULL_BODY,
    FULL_WITNESSES,
    KEY_HASH,
    transaction,
)

FULL = transaction(FULL_BODY, FULL_WITNESSES, True, FULL_AUXILIARY)
LARGEST_INPUT = 64 * 1024
MOST_MEMORY = 16 * 1024 * 1024

Decode = Callable[[bytes], object]


def is_refused(decode: Decode, raw: bytes) -> bool:
    try:
        decode(raw)
    except DecodeError:
        return True
    return False


@given(st.binary(max_size=200))
def test_random_bytes(raw: bytes) -> None:
    for decode in (decode_transaction, decode_output):
        is_refused(decode, raw)
    for start in (b"\x84", b"\x84\xa3\x00", b"\x84\xa3\x01\x81\xa2", transaction()[:-3]):
        is_refused(decode_transaction, start + raw)


@given(st.data())
def test_mutations_of_a_full_transaction(data: st.DataObject) -> None:
    raw = bytearray(FULL)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(raw) - 1))
        raw[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    is_refused(decode_transaction, bytes(raw))


@pytest.mark.once
def test_every_byte_changed_to_some_kind_of_head() -> None:
    heads = (0x00, 0x1B, 0x20, 0x40, 0x5F, 0x80, 0x9B, 0x9F, 0xA0, 0xBF, 0xC2, 0xF6, 0xFF)
    for place in range(len(FULL)):
        initial = heads[place % len(heads)]
        is_refused(decode_transaction, FULL[:place] + bytes([initial]) + FULL[place + 1 :])


@pytest.mark.once
def test_every_prefix_is_cut_short() -> None:
    for length in range(len(FULL)):
        assert is_refused(decode_transaction, FULL[:length])


@given(st.binary(min_size=1, max_size=20))
def test_nothing_may_follow(rest: bytes) -> None:
    assert is_refused(decode_transaction, FULL + rest)


HEAD, TAIL = transaction()[:-3], b"\xf5\xf6"


def with_witnesses(witnesses: bytes) -> bytes:
    return HEAD + witnesses + TAIL


def with_auxiliary(auxiliary: bytes) -> bytes:
    return transaction()[:-1] + auxiliary


def repeated(item: bytes, overhead: int = 200) -> bytes:
    """An array of as many of the items as the largest input holds."""
    count = (LARGEST_INPUT - overhead) // len(item)
    return head(4, count) + item * count


def nested(before: bytes, innermost: bytes, after: bytes = b"") -> bytes:
    depth = (LARGEST_INPUT - 200) // len(before + after)
    return before * depth + innermost + after * depth


def distinct_assets() -> bytes:
    names = b"".join(b"\x42" + number.to_bytes(2, "big") + b"\x01" for number in range(16000))
    assets = head(5, 16000) + names
    value = b"\x82\x01\xa1" + encode(KEY_HASH) + assets
    return b"\x84\xa3\x00\x80\x01\x81\x82" + encode(ADDRESS) + value + b"\x02\x00\xa0" + TAIL


LARGE = {
    "small datums": with_witnesses(b"\xa1\x04" + repeated(b"\x00")),
    "a long list": with_witnesses(b"\xa1\x04\x81" + repeated(b"\x00")),
    "empty lists": with_witnesses(b"\xa1\x04" + repeated(b"\x80")),
    "deep data": with_witnesses(b"\xa1\x04\x81" + nested(b"\x81", b"\x00")),
    "deep open data": with_witnesses(b"\xa1\x04\x81" + nested(b"\x9f", b"\x00", b"\xff")),
    "deep constructors": with_witnesses(b"\xa1\x04\x81" + nested(b"\xd8\x79\x81", b"\x00")),
    "native scripts": with_witnesses(b"\xa1\x01" + repeated(b"\x82\x01\x80")),
    "deep native scripts": with_witnesses(
        b"\xa1\x01\x81" + nested(b"\x82\x01\x81", b"\x82\x01\x80")
    ),
    "metadata": with_auxiliary(b"\xa1\x00" + repeated(b"\x60")),
    "deep metadata": with_auxiliary(b"\xa1\x00" + nested(b"\xa1\x00", b"\x00")),
    "auxiliary scripts": with_auxiliary(b"\xd9\x01\x03\xa1\x02" + repeated(b"\x40")),
}


@pytest.mark.parametrize("name", LARGE)
def test_large_transactions_take_little_memory(name: str) -> None:
    assert len(LARGE[name]) <= LARGEST_INPUT
    assert _peak_memory(LARGE[name]) < MOST_MEMORY
    assert decode_transaction(LARGE[name]).raw == LARGE[name]


@pytest.mark.parametrize(
    "raw",
    [
        distinct_assets(),
        *(
            bytes([initial]) * LARGEST_INPUT
            for initial in (0x80, 0x81, 0x84, 0x9F, 0xA1, 0xC1, 0xFF)
        ),
        nested(b"\x84", b""),
        *(prefix + b"\xff" * 8 for prefix in (b"\x5b", b"\x7b", b"\x9b", b"\xbb", b"\xdb")),
        *(b"\x84" + prefix + b"\xff" * 8 for prefix in (b"\x5b", b"\x9b", b"\xbb")),
        b"\x84\xa1\x00\x9b" + b"\xff" * 8,
        b"\x84\xa1\x01\x9a" + b"\xff" * 4 + bytes(1000),
        with_witnesses(b"\xa1\x04\x81\x9b" + b"\xff" * 8),
        with_witnesses(b"\xa1\x04\x81\xbb" + b"\xff" * 8),
        with_witnesses(b"\xa1\x04\x81\x5b" + b"\xff" * 8),
        with_witnesses(b"\xa1\x01\x81\x82\x01\x9b" + b"\xff" * 8),
        with_auxiliary(b"\xa1\x00\x9b" + b"\xff" * 8),
        with_auxiliary(b"\xa1\x00\x7b" + b"\xff" * 8),
    ],
    ids=lambda raw: raw[:12].hex(),
)
def test_hostile_bytes_are_refused_in_little_memory(raw: bytes) -> None:
    assert _peak_memory(raw) < MOST_MEMORY
    assert is_refused(decode_transaction, raw)


def _peak_memory(raw: bytes) -> int:
    tracemalloc.start()
    try:
        is_refused(decode_transaction, raw)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
