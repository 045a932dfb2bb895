"""Bech32 (BIP-173), without its limit of 90 characters, as CIP-5 uses it."""

_CHARSET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_VALUES = {character: value for value, character in enumerate(_CHARSET)}
_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_CHECKSUM_SIZE = 6


def encode(prefix: str, data: bytes) -> str:
    """The data with its checksum, in lower case."""
    words = _regroup(data, 8, 5)
    remainder = _polymod([*_expand(prefix), *words, *[0] * _CHECKSUM_SIZE]) ^ 1
    words += [remainder >> 5 * place & 0x1F for place in reversed(range(_CHECKSUM_SIZE))]
    return prefix + "1" + "".join(_CHARSET[word] for word in words)


def decode(text: str) -> tuple[str, bytes]:
    """The prefix and the data. Raises :class:`ValueError` on any deviation from BIP-173."""
    if not text.isascii():
        raise ValueError("the text has a character that bech32 does not use")
    if text not in (text.lower(), text.upper()):
        raise ValueError("a bech32 text must not mix upper and lower case")
    prefix, separator, tail = text.lower().rpartition("1")
    if not separator or not prefix or len(tail) < _CHECKSUM_SIZE:
        raise ValueError("a bech32 text is a prefix, a '1' and data with a checksum")
    if not set(tail) <= _VALUES.keys() or not all("!" <= character <= "~" for character in prefix):
        raise ValueError("the text has a character that bech32 does not use")
    words = [_VALUES[character] for character in tail]
    if _polymod([*_expand(prefix), *words]) != 1:
        raise ValueError("the bech32 checksum does not match: a character is wrong or missing")
    words = words[:-_CHECKSUM_SIZE]
    spare = len(words) * 5 % 8
    if spare > 4 or (spare and words[-1] & ((1 << spare) - 1)):
        raise ValueError("the bech32 data has left-over bits")
    return prefix, bytes(_regroup(words, 5, 8)[: len(words) * 5 // 8])


def _regroup(groups: bytes | list[int], old: int, new: int) -> list[int]:
    """The bits of groups of ``old`` bits in groups of ``new``, the last filled up with zeros."""
    result: list[int] = []
    bits = held = 0
    for group in groups:
        bits = (bits << old | group) & 0xFFFF
        held += old
        while held >= new:
            held -= new
            result.append(bits >> held & ((1 << new) - 1))
    if held:
        result.append(bits << (new - held) & ((1 << new) - 1))
    return result


def _expand(prefix: str) -> list[int]:
    codes = prefix.encode("ascii")
    return [*(code >> 5 for code in codes), 0, *(code & 31 for code in codes)]


def _polymod(words: list[int]) -> int:
    check = 1
    for word in words:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ word
        for place, generator in enumerate(_GENERATOR):
            if top >> place & 1:
                check ^= generator
    return check
