"""Reads the flat format bit by bit, as Plutus' own decoders do."""


class MalformedScriptError(ValueError):
    """The ledger would not decode the Plutus script; the message says why."""


class Bits:
    """A position in bits that moves over the requested items, in order.

    Every method takes time linear in the bits that it passes. It raises
    :class:`MalformedScriptError` or, where the bits end, :class:`IndexError`.
    """

    __slots__ = ("_raw", "bits", "end", "pos")

    def __init__(self, raw: bytes) -> None:
        """Start at the first bit of the first byte."""
        self._raw = raw
        self.bits = bin(int.from_bytes(b"\x01" + raw, "big"))[3:]
        """The bits as characters, which slices and searches read fastest."""
        self.end = len(self.bits)
        self.pos = 0

    def take(self, count: int) -> str:
        """Return the next bits as characters."""
        start, self.pos = self.pos, self.pos + count
        if self.pos > self.end:
            raise IndexError
        return self.bits[start : self.pos]

    def flag(self) -> bool:
        """Return True if the next bit is set."""
        self.pos += 1
        return self.bits[self.pos - 1] == "1"

    def skip_natural(self) -> int:
        """Skip a natural number of any size and return its size in bytes."""
        bits, start, pos = self.bits, self.pos, self.pos
        while bits[pos] == "1":
            pos += 8
        self.pos = pos + 8
        if self.pos > self.end:
            raise IndexError
        return (self.pos - start) // 8

    def natural(self) -> int:
        """Return a natural number of any size: groups of seven bits, least significant first."""
        start = self.pos
        self.skip_natural()
        groups = [self.bits[at + 1 : at + 8] for at in range(start, self.pos, 8)]
        return int("".join(reversed(groups)), 2)

    def skip_word(self) -> None:
        """Skip a natural number below 2⁶⁴ in at most ten bytes."""
        size = self.skip_natural()
        if size < 10:
            return
        if size > 10 or "1" in self.bits[self.pos - 7 : self.pos - 1]:
            raise MalformedScriptError("a number in it does not fit 64 bits")

    def skip_through(self, bit: str) -> None:
        """Skip all bits up to and including the first that is ``bit``."""
        last = self.bits.find(bit, self.pos)
        if last < 0:
            raise IndexError
        self.pos = last + 1

    def skip_filler(self) -> None:
        """Skip any number of clear bits and the set bit that ends them."""
        self.skip_through("1")

    def byte_string(self) -> bytes:
        """Return a byte string: a filler up to the next byte, then chunks up to an empty one."""
        self.skip_filler()
        if self.pos % 8:
            raise MalformedScriptError("a byte string in it is not aligned to bytes")
        raw, at, chunks = self._raw, self.pos // 8, []
        while size := raw[at]:
            chunks.append(raw[at + 1 : at + 1 + size])
            at += 1 + size
        self.pos = 8 * (at + 1)
        return b"".join(chunks)
