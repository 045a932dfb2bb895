"""The reader takes each item in every form the ledger does, and nothing else."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facilitator.cardano.cbor import DecodeError, Reader, read_all, read_set
from support.cbor_forms import encode, head, shortest_width

Read = Callable[[Reader], object]

UINT64 = st.integers(0, 2**64 - 1)
WIDTHS = st.sampled_from([0, 1, 2, 4, 8])


@given(UINT64, WIDTHS)
def test_integers_are_read_from_heads_of_any_width(value: int, width: int) -> None:
    width = max(width, shortest_width(value))
    assert read_all(head(0, value, width), lambda r: r.unsigned("x"), "x") == value
    assert read_all(head(0, value, width), lambda r: r.integer("x"), "x") == value
    assert read_all(head(1, value, width), lambda r: r.integer("x"), "x") == -1 - value


@given(st.binary(max_size=70), WIDTHS)
def test_byte_strings_are_read_from_heads_of_any_width(value: bytes, width: int) -> None:
    raw = head(2, len(value), max(width, shortest_width(len(value)))) + value
    assert read_all(raw, lambda r: r.byte_string("x"), "x") == value
    assert read_all(raw, lambda r: r.fixed(len(value), "x"), "x") == value
    with pytest.raises(DecodeError, match=f"^x must be {len(value) + 1} bytes, not {len(value)}$"):
        read_all(raw, lambda r: r.fixed(len(value) + 1, "x"), "x")


@given(st.lists(UINT64, max_size=30), st.booleans(), WIDTHS)
def test_arrays_and_maps_are_read_in_both_forms(
    values: list[int], indefinite: bool, width: int
) -> None:
    def opened(major: int) -> bytes:
        if indefinite:
            return bytes([major << 5 | 31])
        return head(major, len(values), max(width, shortest_width(len(values))))

    end = b"\xff" if indefinite else b""
    array = opened(4) + b"".join(map(encode, values)) + end
    assert read_all(array, lambda r: [r.unsigned("x") for _ in r.array("x")], "x") == values
    pairs = opened(5) + b"".join(encode(value) + encode(1) for value in values) + end
    read: Read = lambda r: [(r.unsigned("x"), r.unsigned("x")) for _ in r.map("x")]  # noqa: E731
    assert read_all(pairs, read, "x") == [(value, 1) for value in values]


@given(st.text(max_size=20))
def test_text_is_read_as_utf8(value: str) -> None:
    assert read_all(encode(value), lambda r: r.text("x", 80), "x") == value


READERS: dict[str, Read] = {
    "unsigned": lambda r: r.unsigned("x"),
    "integer": lambda r: r.integer("x"),
    "byte_string": lambda r: r.byte_string("x"),
    "text": lambda r: r.text("x", 99),
    "boolean": lambda r: r.boolean("x"),
    "array": lambda r: list(r.array("x")),
    "map": lambda r: list(r.map("x")),
    "set": lambda r: list(r.set("x")),
    "record": lambda r: r.close(r.record(0, "x"), "x"),
    "tag": lambda r: r.tag(24, "x"),
    "nested": lambda r: r.nested("x"),
}
TAKEN_BY = {
    "00": {"unsigned", "integer"},
    "20": {"integer"},
    "40": {"byte_string"},
    "60": {"text"},
    "80": {"array", "set", "record"},
    "9fff": {"array", "set", "record"},
    "a0": {"map"},
    "bfff": {"map"},
    "d81840": {"nested"},
    "d90018": {"tag"},
    "d9010280": {"set"},
    "f4": {"boolean"},
    "f5": {"boolean"},
    "f6": set(),  # null
    "f814": set(),  # false in two bytes
    "fb0000000000000000": set(),
    "5fff": set(),  # indefinite strings, which only leaves of data may be
    "7fff": set(),
    "1f": set(),  # indefinite integers and tags, which don't exist
    "df": set(),
    "ff": set(),
    "": set(),
    "c240": set(),  # a bignum where an integer belongs
    "1c": set(),  # reserved heads
    "3d": set(),
    "5e": set(),
    "9c": set(),
    "19ff": set(),  # heads and strings cut short
    "42ff": set(),
    "62ff": set(),
    "61ff": set(),  # text that isn't UTF-8
    "81": set(),  # an array without its element
    "5bffffffffffffffff": set(),  # lengths that no input has
    "7bffffffffffffffff": set(),
    "9bffffffffffffffff": set(),
    "bbffffffffffffffff": set(),
    "9affffffff00": set(),
}


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("raw", TAKEN_BY)
def test_an_item_is_taken_only_as_what_it_is(raw: str, name: str) -> None:
    if name in TAKEN_BY[raw]:
        read_all(bytes.fromhex(raw), READERS[name], "x")
    else:
        with pytest.raises(DecodeError, match=r"^x "):
            read_all(bytes.fromhex(raw), READERS[name], "x")


def test_what_follows_or_lacks_is_named() -> None:
    with pytest.raises(DecodeError, match=r"^the thing is followed by 2 more bytes$"):
        read_all(b"\0\0\0", lambda r: r.unsigned("x"), "the thing")
    with pytest.raises(DecodeError, match=r"^the thing is cut short$"):
        read_all(b"", lambda r: r.unsigned("x"), "the thing")


@pytest.mark.parametrize(("value", "fits"), [(-(2**63) - 1, False), (-(2**63), True)])
def test_int64_is_bounded_below(value: int, fits: bool) -> None:
    assert _is_read(encode(value), lambda r: r.int64("x")) is fits


@pytest.mark.parametrize(("value", "fits"), [(2**63 - 1, True), (2**63, False)])
def test_int64_is_bounded_above(value: int, fits: bool) -> None:
    assert _is_read(encode(value), lambda r: r.int64("x")) is fits


@pytest.mark.parametrize("limit", [0, 23, 24, 255, 2**16 - 1])
def test_unsigned_is_bounded_by_its_limit(limit: int) -> None:
    assert _is_read(encode(limit), lambda r: r.unsigned("x", limit))
    assert not _is_read(encode(limit + 1), lambda r: r.unsigned("x", limit))


def test_an_indefinite_record_must_end_where_it_should() -> None:
    def pair(reader: Reader) -> tuple[int, int]:
        length = reader.record(2, "x")
        found = reader.unsigned("x"), reader.unsigned("x")
        reader.close(length, "x")
        return found

    assert read_all(bytes.fromhex("9f0102ff"), pair, "x") == (1, 2)
    for raw in ("9f01ff", "9f010203ff", "9f0102", "810102", "83010203"):
        assert not _is_read(bytes.fromhex(raw), pair)


def test_a_set_has_no_element_twice_and_is_not_empty() -> None:
    def read(reader: Reader) -> tuple[int, ...]:
        return read_set(reader, lambda r: r.unsigned("x"), "x")

    assert read_all(bytes.fromhex("d90102820201"), read, "x") == (2, 1)
    assert read_all(bytes.fromhex("820201"), read, "x") == (2, 1)
    # the same integer in heads of two widths is the same element
    for raw in ("d901028101" + "01", "820101", "82011801", "80", "d9010280", "d901038101"):
        assert not _is_read(bytes.fromhex(raw), read)


def _is_read(raw: bytes, read: Read) -> bool:
    try:
        read_all(raw, read, "x")
    except DecodeError:
        return False
    return True
