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
_WORDS = bytes(range(32))
_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_CHECKSUM_SIZE = 6
_USUAL_SIZE = 128
"""Words, with those of the prefix, up to which the checksum is looked up: no address has more."""


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
    """Yield what each word adds to the checksum as the last one, the last but one, and so on."""
    terms = tuple(range(32))
    for _ in range(_USUAL_SIZE + 1):
        yield terms
        terms = tuple(map(_times_x, terms))


_TERMS = tuple(reversed(tuple(_terms())))
_TO_WORDS = bytes.maketrans(_CHARSET, _WORDS)
_TO_DIGITS = bytes.maketrans(_CHARSET, _DIGITS)
_FROM_WORDS = bytes.maketrans(_WORDS, _CHARSET)
_BASE32_TO_WORDS = bytes.maketrans(_BASE32, _WORDS)


def encode(prefix: str, data: bytes) -> str:
    """Return the data with its checksum, in lower case."""
    words = b32encode(data).rstrip(b"=").translate(_BASE32_TO_WORDS)
    remainder = _polymod(_expand(prefix) + words + bytes(_CHECKSUM_SIZE)) ^ 1
    words += bytes(remainder >> 5 * place & 0x1F for place in reversed(range(_CHECKSUM_SIZE)))
    return prefix + "1" + words.translate(_FROM_WORDS).decode()


def decode(text: str) -> tuple[str, bytes]:
    """Return the prefix and the data. Raises :class:`ValueError` on any deviation from BIP-173."""
    if not text.isascii():
        raise ValueError("the text has a character that bech32 does not use")
    if text not in (text.lower(), text.upper()):
        raise ValueError("a bech32 text must not mix upper and lower case")
    prefix, separator, tail = text.lower().rpartition("1")
    if not separator or not prefix or len(tail) < _CHECKSUM_SIZE:
        raise ValueError("a bech32 text is a prefix, a '1' and data with a checksum")
    symbols = tail.encode()
    if symbols.translate(None, _CHARSET) or not prefix.isprintable() or " " in prefix:
        raise ValueError("the text has a character that bech32 does not use")
    if _polymod(_expand(prefix) + symbols.translate(_TO_WORDS)) != 1:
        raise ValueError("the bech32 checksum does not match: a character is wrong or missing")
    symbols = symbols[:-_CHECKSUM_SIZE]
    size, spare = divmod(len(symbols) * 5, 8)
    number = int(b"0" + symbols.translate(_TO_DIGITS), 32)
    if spare > 4 or number & ((1 << spare) - 1):
        raise ValueError("the bech32 data has left-over bits")
    return prefix, (number >> spare).to_bytes(size, "big")


@lru_cache(maxsize=64)
def _expand(prefix: str) -> bytes:
    codes = prefix.encode("ascii")
    return bytes([*(code >> 5 for code in codes), 0, *(code & 31 for code in codes)])


def _polymod(words: bytes) -> int:
    """Return the remainder of BIP-173, which is linear: each word adds a term by its place."""
    if len(words) <= _USUAL_SIZE:
        terms = _TERMS[_USUAL_SIZE - len(words) :]
        return reduce(xor, map(getitem, terms, b"\x01" + words))
    check = 1
    for word in words:
        check = _times_x(check) ^ word
    return check
