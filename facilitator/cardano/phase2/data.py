"""Plutus data as values: integers, byte strings, tuples for lists, :class:`Map`, :class:`Constr`.

Only the information that scripts see is kept, without the form of its encoding.
"""

from collections.abc import Callable
from typing import NamedTuple, TypeAlias, Union

from facilitator.cardano.cbor import ARRAY, BYTES, MAP, Reader, read_all


class Constr(NamedTuple):
    """A constructor with its fields."""

    tag: int
    fields: "tuple[Data, ...]" = ()


class Map(NamedTuple):
    """A map: its pairs in order, including equal keys."""

    pairs: "tuple[tuple[Data, Data], ...]" = ()


Data: TypeAlias = Union[int, bytes, "tuple[Data, ...]", Map, Constr]

NOTHING = Constr(1)
FALSE, TRUE = Constr(0), Constr(1)

_GENERAL_CONSTRUCTOR = 102
_INDEFINITE_BYTES = 0x5F
_CHUNK = 64


def build_maybe(data: Data | None) -> Constr:
    """Return a *Maybe*: ``Nothing`` for ``None``."""
    return NOTHING if data is None else Constr(0, (data,))


def decode_data(raw: bytes) -> Data:
    """Return the data in CBOR that an earlier decoding has checked to be Plutus data.

    Raises :class:`RecursionError` for data nested too deeply for Python's stack.
    """
    return read_all(raw, _read_data, "Plutus data")


def _read_data(reader: Reader) -> Data:
    major = reader.major()
    if major < BYTES:
        return reader.integer("an integer")
    if major == BYTES:
        return _read_bytes(reader)
    if major == ARRAY:
        return _read_list(reader)
    if major == MAP:
        return Map(tuple([(_read_data(reader), _read_data(reader)) for _ in reader.map("a map")]))
    number = reader.any_tag("a constructor")
    if number in (2, 3):
        magnitude = int.from_bytes(_read_bytes(reader), "big")
        return magnitude if number == 2 else -1 - magnitude
    if number == _GENERAL_CONSTRUCTOR:
        length = reader.record(2, "a constructor")
        found = Constr(reader.unsigned("an alternative"), _read_list(reader))
        reader.close(length, "a constructor")
        return found
    return Constr(number - 121 if number <= 127 else number - 1280 + 7, _read_list(reader))


def _read_list(reader: Reader) -> tuple[Data, ...]:
    return tuple([_read_data(reader) for _ in reader.array("a list")])


def _read_bytes(reader: Reader) -> bytes:
    if reader.raw[reader.pos] != _INDEFINITE_BYTES:
        return reader.byte_string("a byte string")
    reader.pos += 1
    chunks = []
    while not reader.take_break():
        chunks.append(reader.byte_string("a chunk"))
    return b"".join(chunks)


def encode_data(data: Data) -> bytes:
    """Return the CBOR that Plutus' ``serialiseData`` makes (``encodeData``)."""
    if isinstance(data, int):
        return _encode_integer(data)
    if isinstance(data, bytes):
        return _encode_bytes(data)
    if isinstance(data, Constr):
        fields = _encode_list(data.fields)
        if 0 <= data.tag < 7:
            return _encode_head(6, 121 + data.tag) + fields
        if 7 <= data.tag < 128:
            return _encode_head(6, 1280 + data.tag - 7) + fields
        return (
            _encode_head(6, _GENERAL_CONSTRUCTOR)
            + b"\x82"
            + _encode_integer(data.tag, _encode_chunk)
            + fields
        )
    if isinstance(data, Map):
        pairs = [encode_data(key) + encode_data(value) for key, value in data.pairs]
        return _encode_head(MAP, len(pairs)) + b"".join(pairs)
    return _encode_list(data)


def _encode_list(items: "tuple[Data, ...]") -> bytes:
    """Return a list, in the indefinite form unless it is empty."""
    return b"\x9f" + b"".join(map(encode_data, items)) + b"\xff" if items else b"\x80"


def _encode_chunk(raw: bytes) -> bytes:
    return _encode_head(BYTES, len(raw)) + raw


def _encode_bytes(raw: bytes) -> bytes:
    """Return a byte string, in chunks of 64 bytes if it is longer than one chunk."""
    if len(raw) <= _CHUNK:
        return _encode_chunk(raw)
    chunks = [raw[start : start + _CHUNK] for start in range(0, len(raw), _CHUNK)]
    return b"\x5f" + b"".join(map(_encode_chunk, chunks)) + b"\xff"


def _encode_integer(number: int, as_bytes: Callable[[bytes], bytes] = _encode_bytes) -> bytes:
    """Return a number. A constructor's alternative may be any number also, never in chunks."""
    magnitude = number if number >= 0 else -1 - number
    if magnitude < 1 << 64:
        return _encode_head(0 if number >= 0 else 1, magnitude)
    size = (magnitude.bit_length() + 7) // 8
    return (b"\xc2" if number >= 0 else b"\xc3") + as_bytes(magnitude.to_bytes(size, "big"))


def _encode_head(major: int, argument: int) -> bytes:
    if argument < 24:
        return bytes([major << 5 | argument])
    for info, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if argument < 1 << 8 * size:
            return bytes([major << 5 | info]) + argument.to_bytes(size, "big")
    raise ValueError("a head holds no more than 64 bits")
