"""Readers of Ogmios' JSON: each returns a value or raises :class:`Malformed`."""

import re
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

Row = Mapping[str, Any]

_GREATEST = 2**64
_RATIO = re.compile(r"([0-9]{1,20})/([0-9]{1,20})")


class Malformed(ValueError):
    """The JSON does not match Ogmios' schema. The text names the part."""


def table(value: Any, what: str) -> Row:
    """Return a JSON object."""
    if not isinstance(value, dict):
        raise Malformed(f"{what} is no object")
    return value


def rows(value: Any, what: str) -> Sequence[Row]:
    """Return a JSON array of objects."""
    if not isinstance(value, list):
        raise Malformed(f"{what} is no list")
    return [table(row, f"an entry of {what}") for row in value]


def inner(row: Row, name: str) -> Row:
    """Return the object in the field."""
    return table(row.get(name), name)


def whole(row: Row, name: str) -> int:
    """Return a whole number of 64 bits."""
    value = row.get(name)
    if type(value) is int and 0 <= value < _GREATEST:
        return value
    raise Malformed(f"{name} is no whole number")


def number(row: Row, name: str) -> Fraction:
    """Return a number of at least 0, exactly as its shortest decimal spelling."""
    value = row.get(name)
    if type(value) not in (int, float):
        raise Malformed(f"{name} is no number")
    try:
        exact = Fraction(f"{value}")
    except ValueError:
        raise Malformed(f"{name} is no finite number") from None
    if not 0 <= exact < _GREATEST:
        raise Malformed(f"{name} is no number that can be")
    return exact


def ratio(row: Row, name: str) -> Fraction:
    """Return a fraction from a text such as ``577/10000``."""
    found = _RATIO.fullmatch(text(row, name))
    if found is None or int(found[2]) == 0:
        raise Malformed(f"{name} is no ratio")
    return Fraction(int(found[1]), int(found[2]))


def lovelace(row: Row, name: str) -> int:
    """Return the lovelace of ``{"ada": {"lovelace": …}}``."""
    return whole(inner(inner(row, name), "ada"), "lovelace")


def text(row: Row, name: str) -> str:
    """Return a text."""
    value = row.get(name)
    if not isinstance(value, str):
        raise Malformed(f"{name} is no text")
    return value


def raw_bytes(row: Row, name: str, size: int | None = None) -> bytes:
    """Return bytes from hex, of the size if it is given."""
    return from_hex(text(row, name), name, size)


def digest(row: Row, name: str) -> str:
    """Return a hash of 32 bytes in lowercase hex."""
    return raw_bytes(row, name, 32).hex()


def from_hex(value: str, what: str, size: int | None = None) -> bytes:
    """Return the bytes that the hex stands for, of the size if it is given."""
    try:
        found = bytes.fromhex(value)
    except ValueError:
        raise Malformed(f"{what} is no hex") from None
    if len(value) != 2 * len(found) or (size is not None and len(found) != size):
        raise Malformed(f"{what} does not have {len(found) if size is None else size} bytes")
    return found
