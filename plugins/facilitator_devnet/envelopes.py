"""The envelope of a transaction in a block."""

from facilitator.cardano.cbor import (
    ARRAY,
    BYTES,
    INDEFINITE_ARRAY,
    INDEFINITE_MAP,
    MAP,
    TAG,
    TEXT,
    Reader,
    walk,
)
from facilitator.cardano.cbor_dijkstra import DijkstraReader
from facilitator.cardano.parameters import DIJKSTRA

_FLAGS = (0xF4, 0xF5)
_FOUR, _TRUE = b"\x84", b"\xf5"


def in_block(raw: bytes, version: int) -> bytes:
    """Return a handed-in transaction, which succeeds, as a block of that version has it.

    From version 12 on the flag is the last of four elements (CIP-0176). The parts keep their bytes.
    """
    if version < DIJKSTRA or not raw:
        return raw
    reader = DijkstraReader(raw)
    length = reader.array_length("the transaction")
    start = reader.pos
    for _ in ("body", "witnesses"):
        walk(reader, _visit)
    flag = reader.pos
    after = flag + 1 if raw[flag] in _FLAGS else flag
    end = len(raw) if length is not None else len(raw) - 1
    return _FOUR + raw[start:flag] + raw[after:end] + _TRUE


def _visit(reader: Reader, stack: list[int]) -> None:
    """Move over the head of any item, and over the content of one that holds no others."""
    major, what = reader.major(), "an item"
    if major < BYTES:
        reader.integer(what)
    elif major == BYTES:
        reader.byte_string(what)
    elif major == TEXT:
        reader.text(what)
    elif major == ARRAY:
        length = reader.array_length(what)
        stack.append(INDEFINITE_ARRAY if length is None else length)
    elif major == MAP:
        length = reader.map_length(what)
        stack.append(INDEFINITE_MAP if length is None else 2 * length)
    elif major == TAG:
        reader.any_tag(what)
        stack.append(1)
    else:
        reader.pos += 1
