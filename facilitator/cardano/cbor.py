"""Reads CBOR (RFC 8949) item by item, as the ledger's own decoders do.

The caller of a :class:`Reader` names the item that the schema requires next. So the reader builds
only requested values, allocates nothing by a length that the input merely claims, and walks hostile
nesting without recursion. Like the ledger, it accepts heads of any width, and arrays and maps of
definite or indefinite length. A byte or text string must have its length in front
(``decodeBytes`` below protocol version 12; from then on see
:class:`~facilitator.cardano.cbor_dijkstra.DijkstraReader`).
"""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")

MAX_UINT8 = 2**8 - 1
MAX_UINT16 = 2**16 - 1
MAX_UINT32 = 2**32 - 1
MAX_UINT64 = 2**64 - 1
MIN_INT64, MAX_INT64 = -(2**63), 2**63 - 1

UNSIGNED, NEGATIVE, BYTES, TEXT, ARRAY, MAP, TAG = range(7)
"""CBOR's major types, as :meth:`Reader.major` returns them."""

SET_TAG = 258
NESTED_TAG = 24
RATIONAL_TAG = 30
BIGNUM_HEADS = (0xC2, 0xC3)
"""Tags of a bignum, positive and negative; the ledger accepts them in their one-byte form only."""

INDEFINITE_ARRAY = -1
INDEFINITE_MAP = -2
CLOSE = -3
"""Entries of the stack of :func:`walk`, in addition to counts of remaining items."""

_INDEFINITE = 31
_MAP_OF_64_BITS = 0xBB
_BREAK = 0xFF
_NULL = 0xF6
_FALSE, _TRUE = 0xF4, 0xF5
_ARGUMENT_SIZES = {24: 1, 25: 2, 26: 4, 27: 8}
"""Bytes of the argument after a head, by the low bits of its first byte."""
_from_bytes = int.from_bytes
_BYTES_HEADS = {size: bytes((0x58, size)) for size in range(24, 256)}
"""The shortest head of a byte string, by its size."""


class DecodeError(ValueError):
    """The ledger's decoder would refuse the bytes; the message says where and why."""


class Reader:
    """A position in bytes that moves over the requested items, in order.

    Every method raises :class:`DecodeError` for another item, with ``what`` in its message. It
    raises :class:`IndexError` if the bytes end at an item's first byte. The code that creates the
    reader turns that into a :class:`DecodeError`, as :func:`read_all` does.
    """

    __slots__ = ("end", "pos", "raw")

    def __init__(self, raw: bytes) -> None:
        """Start at the first byte."""
        self.raw = raw
        self.pos = 0
        self.end = len(raw)

    def major(self) -> int:
        """Return the major type of the next item."""
        return self.raw[self.pos] >> 5

    def opens_map(self) -> bool:
        """Return True if a map comes next, in a place where the ledger also accepts another form.

        The ledger looks for ``TypeMapLen`` and ``TypeMapLenIndef`` there. So a map whose length
        takes 8 bytes does not count.
        """
        initial = self.raw[self.pos]
        return initial >> 5 == MAP and initial != _MAP_OF_64_BITS

    def _read_argument(self, what: str) -> int:
        """Read a head and return its argument, which must not be *indefinite*."""
        start = self.pos + 1
        info = self.raw[self.pos] & 0x1F
        if info < 24:
            self.pos = start
            return info
        if info > 27:
            raise DecodeError(f"{what} must state its length or value in its head")
        stop = start + _ARGUMENT_SIZES[info]
        if stop > self.end:
            raise DecodeError(f"{what} is cut short")
        self.pos = stop
        return _from_bytes(self.raw[start:stop], "big")

    def unsigned(self, what: str, largest: int = MAX_UINT64) -> int:
        """Return an unsigned integer (major type 0) of at most ``largest``."""
        value = self.raw[self.pos]
        if value < 24:
            self.pos += 1
        elif value > 0x1B:
            raise DecodeError(f"{what} must be an unsigned integer")
        else:
            value = self._read_argument(what)
        if value > largest:
            raise DecodeError(f"{what} must be at most {largest}, not {value}")
        return value

    def integer(self, what: str) -> int:
        """Return an integer of major type 0 or 1, from -2⁶⁴ to 2⁶⁴ - 1."""
        if self.major() == NEGATIVE:
            return -1 - self._read_argument(what)
        if self.major() != UNSIGNED:
            raise DecodeError(f"{what} must be an integer")
        return self._read_argument(what)

    def int64(self, what: str) -> int:
        """Return an integer that fits 64 bits with a sign."""
        value = self.integer(what)
        if not MIN_INT64 <= value <= MAX_INT64:
            raise DecodeError(f"{what} must fit a signed 64-bit integer")
        return value

    def _read_string(self, major: int, what: str) -> bytes:
        if self.raw[self.pos] >> 5 != major:
            kind = "byte string" if major == BYTES else "text string"
            raise DecodeError(f"{what} must be a {kind}")
        stop = self._read_argument(what) + self.pos
        if stop > self.end:
            raise DecodeError(f"{what} is cut short")
        value = self.raw[self.pos : stop]
        self.pos = stop
        return value

    def byte_string(self, what: str, longest: int | None = None) -> bytes:
        """Return a definite byte string of at most ``longest`` bytes."""
        value = self._read_string(BYTES, what)
        if longest is not None and len(value) > longest:
            raise DecodeError(f"{what} must be at most {longest} bytes, not {len(value)}")
        return value

    def fixed(self, size: int, what: str) -> bytes:
        """Return a definite byte string of exactly ``size`` bytes."""
        start = self.pos + 2
        if self.raw[self.pos : start] == _BYTES_HEADS.get(size) and start + size <= self.end:
            self.pos = start + size  # the usual case; below are all others
            return self.raw[start : self.pos]
        value = self._read_string(BYTES, what)
        if len(value) != size:
            raise DecodeError(f"{what} must be {size} bytes, not {len(value)}")
        return value

    def text(self, what: str, longest: int | None = None) -> str:
        """Return a definite text string of at most ``longest`` bytes of UTF-8."""
        value = self._read_string(TEXT, what)
        if longest is not None and len(value) > longest:
            raise DecodeError(f"{what} must be at most {longest} bytes, not {len(value)}")
        try:
            return value.decode()
        except UnicodeDecodeError:
            raise DecodeError(f"{what} must be UTF-8") from None

    def boolean(self, what: str) -> bool:
        """Return a boolean, ``true`` or ``false``."""
        initial = self.raw[self.pos]
        if initial not in (_FALSE, _TRUE):
            raise DecodeError(f"{what} must be true or false")
        self.pos += 1
        return initial == _TRUE

    def take_null(self) -> bool:
        """Return True if the next item is ``null``, and consume it."""
        if self.raw[self.pos] != _NULL:
            return False
        self.pos += 1
        return True

    def take_break(self) -> bool:
        """Return True if an indefinite item ends here, and consume the *break*."""
        if self.raw[self.pos] != _BREAK:
            return False
        self.pos += 1
        return True

    def any_tag(self, what: str) -> int:
        """Return the number of the next item's tag."""
        if self.major() != TAG:
            raise DecodeError(f"{what} must be tagged")
        return self._read_argument(what)

    def tag(self, number: int, what: str) -> None:
        """Consume the tag with this number."""
        if self.any_tag(what) != number:
            raise DecodeError(f"{what} must have the tag {number}")

    def _read_length(self, major: int, what: str) -> int | None:
        """Return the stated number of an array's items or a map's pairs; ``None`` if indefinite."""
        initial = self.raw[self.pos]
        if initial >> 5 != major:
            raise DecodeError(f"{what} must be {'an array' if major == ARRAY else 'a map'}")
        length = initial & 0x1F
        if length < 24:  # _read_argument() would do the same
            self.pos += 1
        elif length == _INDEFINITE:
            self.pos += 1
            return None
        else:
            length = self._read_argument(what)
        if length > self.end - self.pos:
            raise DecodeError(f"{what} states a length of {length}, more than there are bytes")
        return length

    def array_length(self, what: str) -> int | None:
        """Open an array, which :meth:`close` ends; return its length, ``None`` if indefinite."""
        return self._read_length(ARRAY, what)

    def map_length(self, what: str) -> int | None:
        """Open a map and return its length; ``None`` if indefinite."""
        return self._read_length(MAP, what)

    def expect(self, length: int | None, size: int, what: str) -> None:
        """Check that an array opened with ``length`` can have ``size`` elements."""
        if length is not None and length != size:
            raise DecodeError(f"{what} must have {size} elements, not {length}")

    def record(self, size: int, what: str) -> int | None:
        """Open an array of exactly ``size`` elements."""
        length = self._read_length(ARRAY, what)
        if length != size:
            self.expect(length, size, what)
        return length

    def close(self, length: int | None, what: str) -> None:
        """Close an array that was opened with ``length``, after reading its elements."""
        if length is None and not self.take_break():
            raise DecodeError(f"{what} has too many elements")

    def _until_break(self) -> Iterator[None]:
        while not self.take_break():
            yield None

    def array(self, what: str) -> Iterable[object]:
        """Return one turn for each element of the next array; each turn must read its element."""
        length = self._read_length(ARRAY, what)
        return self._until_break() if length is None else range(length)

    def map(self, what: str) -> Iterable[object]:
        """Return one turn for each pair of the next map; each turn must read key and value."""
        length = self._read_length(MAP, what)
        return self._until_break() if length is None else range(length)

    def set(self, what: str) -> Iterable[object]:
        """Return the turns of :meth:`array`, with or without the tag 258 in front."""
        if self.raw[self.pos] >> 5 == TAG:
            self.tag(SET_TAG, what)
        return self.array(what)

    def nested(self, what: str) -> bytes:
        """Return the content of CBOR in a byte string (tag 24)."""
        self.tag(NESTED_TAG, what)
        return self.byte_string(what)


def walk(reader: Reader, visit: Callable[[Reader, list[int]], None]) -> None:
    """Read one item and all it contains, at any depth, in constant Python stack.

    ``visit`` reads one item's head (a leaf's content also). It appends what must follow to the
    stack: a count of items, :data:`INDEFINITE_ARRAY`, :data:`INDEFINITE_MAP`, or :data:`CLOSE`.
    :data:`CLOSE` stands for the *break* of an array; the entry appended after it is the last
    element of that array.
    """
    stack: list[int] = []
    visit(reader, stack)
    while stack:
        entry = stack[-1]
        if entry > 0:
            stack[-1] = entry - 1
            visit(reader, stack)
        elif entry == 0 or reader.take_break():
            stack.pop()
        elif entry == CLOSE:
            raise DecodeError("an indefinite array has too many elements")
        else:
            stack.append(-entry)


def read_set(
    reader: Reader, read: Callable[[Reader], T], what: str, *, may_be_empty: bool = False
) -> tuple[T, ...]:
    """Return the elements of a set, each once, in the order received."""
    elements = tuple([read(reader) for _ in reader.set(what)])
    if len(set(elements)) != len(elements):
        raise DecodeError(f"{what} must not have an element twice")
    if not elements and not may_be_empty:
        raise DecodeError(f"{what} must not be empty")
    return elements


def read_all(raw: bytes, read: Callable[[Reader], T], what: str, form: type[Reader] = Reader) -> T:
    """Return the result of ``read`` by a reader of that form, which must consume all of ``raw``.

    Raises :class:`DecodeError` otherwise.
    """
    reader = form(raw)
    try:
        value = read(reader)
    except IndexError:
        raise DecodeError(f"{what} is cut short") from None
    if reader.pos != reader.end:
        raise DecodeError(f"{what} is followed by {reader.end - reader.pos} more bytes")
    return value
