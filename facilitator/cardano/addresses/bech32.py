"""Bech32 (BIP-173), without its limit of 90 characters, as CIP-5 uses it."""

from base64 import b32decode, b32encode

_CHARSET = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_CHARACTERS = frozenset(_CHARSET.decode())
_BASE32 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
"""The characters of RFC 4648 for the same five bits."""
_WORDS = bytes(range(32))
_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_CHECKSUM_SIZE = 6


def _fold(top: int) -> int:
    """Return the value that five bits leaving the checksum's register add to it."""
    folded = 0
    for place, generator in enumerate(_GENERATOR):
        if top >> place & 1:
            folded ^= generator
    return folded


_FOLDED = tuple(map(_fold, range(32)))
_TO_WORDS = bytes.maketrans(_CHARSET, _WORDS)
_FROM_WORDS = bytes.maketrans(_WORDS, _CHARSET)
_BASE32_TO_WORDS = bytes.maketrans(_BASE32, _WORDS)
_WORDS_TO_BASE32 = bytes.maketrans(_WORDS, _BASE32)


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
    if not set(tail) <= _CHARACTERS or not all("!" <= character <= "~" for character in prefix):
        raise ValueError("the text has a character that bech32 does not use")
    words = tail.encode().translate(_TO_WORDS)
    if _polymod(_expand(prefix) + words) != 1:
        raise ValueError("the bech32 checksum does not match: a character is wrong or missing")
    words = words[:-_CHECKSUM_SIZE]
    spare = len(words) * 5 % 8
    if spare > 4 or (spare and words[-1] & ((1 << spare) - 1)):
        raise ValueError("the bech32 data has left-over bits")
    padding = b"=" * (-len(words) % 8)
    return prefix, b32decode(words.translate(_WORDS_TO_BASE32) + padding)


def _expand(prefix: str) -> bytes:
    codes = prefix.encode("ascii")
    return bytes([*(code >> 5 for code in codes), 0, *(code & 31 for code in codes)])


def _polymod(words: bytes) -> int:
    check = 1
    for word in words:
        check = (check & 0x1FFFFFF) << 5 ^ word ^ _FOLDED[check >> 25]
    return check
