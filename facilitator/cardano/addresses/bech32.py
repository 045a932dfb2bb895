"""Bech32 (BIP-173), without its limit of 90 characters, as CIP-5 uses it."""

from base64 import b32encode
from collections.abc import Iterator
from functools import lru_cache, reduce
from operator import getitem, xor

_CHARSET = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_BASE32 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
"""The characters of RFC 4648 for the same five bits."""
_DIGITS = b"0123456789abcdefghijklmnopqrstuv"
"""The digits of a number to base 32."""
_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_CHECKSUM_SIZE = 6
_CHECKSUM_BITS = 5 * _CHECKSUM_SIZE
_USUAL_SIZE = 62
"""Bytes that the words of the longest address make, up to which the checksum is looked up."""


def _fold(top: int) -> int:
    """Return the value that five bits leaving the checksum's register add to it."""
    folded = 0
    for place, generator in enumerate(_GENERATOR):
        if top >> place & 1:
            folded ^= generator
    return folded


_FOLDED = tuple(map(_fold, range(32)))


def _times_x(check: int) -> int:
    return (check & 0x1FFFFFF) << 5 ^ _FOLDED[check >> 25]


def _terms() -> Iterator[tuple[int, ...]]:
    """Yield what each byte adds to the checksum as the last one, the last but one, and so on."""
    bits = [1 << place for place in range(5)]
    for _ in range(_USUAL_SIZE):
        while len(bits) < 8 + 5:
            bits.append(_times_x(bits[-5]))
        terms = [0]
        for bit in bits[:8]:
            terms += [term ^ bit for term in terms]
        del bits[:8]
        yield tuple(terms)


_TERMS = tuple(reversed(tuple(_terms())))
_TO_DIGITS = bytes.maketrans(_CHARSET, _DIGITS)
_FROM_BASE32 = bytes.maketrans(_BASE32, _CHARSET)


def encode(prefix: str, data: bytes) -> str:
    """Return the data with its checksum, in lower case."""
    symbols = b32encode(data).rstrip(b"=").translate(_FROM_BASE32)
    size = len(symbols) + _CHECKSUM_SIZE
    number = _number_of(symbols) << _CHECKSUM_BITS
    checksum = _remainder(prefix, number, size) ^ 1
    places = reversed(range(0, _CHECKSUM_BITS, 5))
    symbols += bytes(_CHARSET[checksum >> place & 0x1F] for place in places)
    return f"{prefix}1{symbols.decode()}"


def decode(text: str) -> tuple[str, bytes]:
    """Return the prefix and the data. Raises :class:`ValueError` on any deviation from BIP-173."""
    if not text.isascii():
        raise ValueError("the text has a character that bech32 does not use")
    lower = text.lower()
    if text not in (lower, text.upper()):
        raise ValueError("a bech32 text must not mix upper and lower case")
    prefix, separator, tail = lower.rpartition("1")
    if not separator or not prefix or len(tail) < _CHECKSUM_SIZE:
        raise ValueError("a bech32 text is a prefix, a '1' and data with a checksum")
    symbols = tail.encode()
    if symbols.translate(None, _CHARSET) or not prefix.isprintable() or " " in prefix:
        raise ValueError("the text has a character that bech32 does not use")
    number = _number_of(symbols)
    if _remainder(prefix, number, len(symbols)) != 1:
        raise ValueError("the bech32 checksum does not match: a character is wrong or missing")
    number >>= _CHECKSUM_BITS
    size, spare = divmod(len(symbols) * 5 - _CHECKSUM_BITS, 8)
    if spare > 4 or number & ((1 << spare) - 1):
        raise ValueError("the bech32 data has left-over bits")
    return prefix, (number >> spare).to_bytes(size, "big")


def _number_of(symbols: bytes) -> int:
    """Return the number that the symbols are, each a digit to base 32."""
    return int(b"0" + symbols.translate(_TO_DIGITS), 32)


def _remainder(prefix: str, number: int, size: int) -> int:
    """Return the remainder of BIP-173 for ``size`` words after the prefix, given as a number.

    It is linear: the prefix and each byte of the number add a term by their place.
    """
    length = (5 * size + 7) // 8
    if length <= _USUAL_SIZE:
        terms = _TERMS[_USUAL_SIZE - length :]
        start = _remainder_of_prefix(prefix, size)
        return reduce(xor, map(getitem, terms, number.to_bytes(length, "big")), start)
    check = _remainder_of_prefix(prefix, 0)
    for place in reversed(range(size)):
        check = _times_x(check) ^ (number >> 5 * place & 0x1F)
    return check


@lru_cache(maxsize=64)
def _remainder_of_prefix(prefix: str, size: int) -> int:
    """Return what the prefix adds to the checksum, with ``size`` words after it."""
    codes = prefix.encode("ascii")
    check = 1
    for word in (*(code >> 5 for code in codes), 0, *(code & 31 for code in codes), *bytes(size)):
        check = _times_x(check) ^ word
    return check
