"""Reads CBOR as the ledger's decoders do from protocol version 12 on.

A byte or text string may come in chunks (``decodeBytes`` and ``decodeString`` from version 12 on,
``cardano-ledger-binary``). Plutus data and metadata have rules of their own, which no version
changed: see :func:`read_unchanged`.
"""

from collections.abc import Callable
from typing import TypeVar

from facilitator.cardano.cbor import BYTES, TEXT, DecodeError, Reader

T = TypeVar("T")

_INDEFINITE_BYTES = BYTES << 5 | 0x1F
_INDEFINITE_TEXT = TEXT << 5 | 0x1F


class DijkstraReader(Reader):
    """A reader that takes strings in chunks, too. A chunk itself states its length."""

    __slots__ = ()

    def byte_string(self, what: str, longest: int | None = None) -> bytes:
        """Return a byte string of at most ``longest`` bytes, in one piece or in chunks."""
        if self.raw[self.pos] != _INDEFINITE_BYTES:
            return super().byte_string(what, longest)
        self.pos += 1
        chunks: list[bytes] = []
        while not self.take_break():
            chunks.append(super().byte_string(what))
        value = b"".join(chunks)
        if longest is not None and len(value) > longest:
            raise DecodeError(f"{what} must be at most {longest} bytes, not {len(value)}")
        return value

    def fixed(self, size: int, what: str) -> bytes:
        """Return a byte string of exactly ``size`` bytes, in one piece or in chunks."""
        if self.raw[self.pos] != _INDEFINITE_BYTES:
            return super().fixed(size, what)
        value = self.byte_string(what)
        if len(value) != size:
            raise DecodeError(f"{what} must be {size} bytes, not {len(value)}")
        return value

    def text(self, what: str, longest: int | None = None) -> str:
        """Return a text string of at most ``longest`` bytes of UTF-8, whole or in chunks."""
        if self.raw[self.pos] != _INDEFINITE_TEXT:
            return super().text(what, longest)
        self.pos += 1
        chunks: list[str] = []
        while not self.take_break():
            chunks.append(super().text(what))
        value = "".join(chunks)
        if longest is not None and len(value.encode()) > longest:
            raise DecodeError(f"{what} must be at most {longest} bytes, not {len(value.encode())}")
        return value


def read_unchanged(reader: Reader, read: Callable[[Reader], T]) -> T:
    """Return what ``read`` finds at the reader's position by the rules of every version."""
    plain = Reader(reader.raw)
    plain.pos = reader.pos
    value = read(plain)
    reader.pos = plain.pos
    return value
