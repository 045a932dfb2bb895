"""Adds vkey witnesses to a signed transaction, of either era, without a change of its body.

All other bytes stay as they were received: the body, so that the id is the same, the other
witnesses, the validity flag and the auxiliary data.
"""

from collections.abc import Iterable

from facilitator.cardano.cbor import (
    ARRAY,
    BYTES,
    INDEFINITE_ARRAY,
    INDEFINITE_MAP,
    MAP,
    NEGATIVE,
    SET_TAG,
    TAG,
    TEXT,
    DecodeError,
    Reader,
    read_all,
    walk,
)
from facilitator.cardano.codec.witnesses import read_witnesses
from facilitator.cardano.transaction import Transaction, VKeyWitness, Witnesses

_VKEYS = 0
_VKEYS_KEY = b"\x00"
_INDEFINITE = 0x1F
_SIMPLE = (0xF4, 0xF5, 0xF6)
"""False, true and null: no other simple value or float is in a transaction."""


def read_vkey_witnesses(raw: bytes) -> tuple[VKeyWitness, ...]:
    """Return the vkey witnesses of a witness set that has nothing else, at least one.

    Raises :class:`DecodeError`, and no other error.
    """
    witnesses = read_all(raw, read_witnesses, "the witness set")
    if witnesses != Witnesses(vkeys=witnesses.vkeys) or not witnesses.vkeys:
        raise DecodeError("the witness set must have vkey witnesses (key 0), and nothing else")
    return witnesses.vkeys


def encode_vkey_witnesses(witnesses: Iterable[VKeyWitness]) -> bytes:
    """Return a witness set (CBOR) of these vkey witnesses alone."""
    encoded = [_encode(witness) for witness in witnesses]
    return _head(MAP, 1) + _VKEYS_KEY + _head(ARRAY, len(encoded)) + b"".join(encoded)


def add_vkey_witnesses(transaction: Transaction, witnesses: Iterable[VKeyWitness]) -> bytes:
    """Return the bytes of the transaction with these witnesses as well.

    A witness that it has already is not added: Dijkstra's decoder takes none twice.
    """
    present = set(transaction.witnesses.vkeys)
    added = [each for each in dict.fromkeys(witnesses) if each not in present]
    if not added:
        return transaction.raw
    reader = Reader(transaction.raw)
    reader.array_length("the transaction")
    walk(reader, _visit)  # the body
    return _insert(reader, b"".join(map(_encode, added)), len(added))


def _insert(reader: Reader, encoded: bytes, count: int) -> bytes:
    """Return the reader's bytes with the witnesses in the witness set at its position."""
    raw, start = reader.raw, reader.pos
    length = reader.map_length("the witness set")
    first = reader.pos
    reader.pos = start
    for _ in reader.map("the witness set"):
        if reader.unsigned("a key of the witness set") == _VKEYS:
            return _insert_into_array(reader, encoded, count)
        walk(reader, _visit)
    head = raw[start:first] if length is None else _head(MAP, length + 1)
    return raw[:start] + head + _VKEYS_KEY + _head(ARRAY, count) + encoded + raw[first:]


def _insert_into_array(reader: Reader, encoded: bytes, count: int) -> bytes:
    raw = reader.raw
    if reader.major() == TAG:
        reader.tag(SET_TAG, "vkey witnesses")
    start = reader.pos
    length = reader.array_length("vkey witnesses")
    first = reader.pos
    if length is None:
        return raw[:first] + encoded + raw[first:]
    return raw[:start] + _head(ARRAY, length + count) + encoded + raw[first:]


def _encode(witness: VKeyWitness) -> bytes:
    return b"\x82\x58\x20" + witness.vkey + b"\x58\x40" + witness.signature


def _head(major: int, length: int) -> bytes:
    """Return the shortest head of an array or a map."""
    if length < 24:
        return bytes((major << 5 | length,))
    size = 1 if length < 0x100 else 2
    return bytes((major << 5 | 23 + size,)) + length.to_bytes(size, "big")


def _visit(reader: Reader, stack: list[int]) -> None:
    """Visit any item that a decoded transaction may hold."""
    initial = reader.raw[reader.pos]
    major = initial >> 5
    if major <= NEGATIVE:
        reader.integer("an integer")
    elif major in (BYTES, TEXT):
        _skip_string(reader, initial)
    elif major == ARRAY:
        length = reader.array_length("an array")
        stack.append(INDEFINITE_ARRAY if length is None else length)
    elif major == MAP:
        length = reader.map_length("a map")
        stack.append(INDEFINITE_MAP if length is None else 2 * length)
    elif major == TAG:
        reader.any_tag("a tag")
        stack.append(1)
    elif initial in _SIMPLE:
        reader.pos += 1
    else:
        raise DecodeError(f"no item of a transaction begins with the byte {initial:#04x}")


def _skip_string(reader: Reader, initial: int) -> None:
    if initial & _INDEFINITE == _INDEFINITE:
        reader.pos += 1
        while not reader.take_break():
            _skip_string(reader, reader.raw[reader.pos])
    elif initial >> 5 == BYTES:
        reader.byte_string("a byte string")
    else:
        reader.text("a text")
