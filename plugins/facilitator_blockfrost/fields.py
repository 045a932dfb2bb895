"""Readers of Blockfrost's answers: each returns a value or raises a typed error."""

import re
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any, TypeVar

from facilitator.plugin import ChainUnavailable

T = TypeVar("T")

_MAX_DIGITS = 20
_GREATEST = 10**_MAX_DIGITS
_DECIMAL = re.compile(r"[0-9]{1,20}(\.[0-9]{1,20})?")


class Malformed(ChainUnavailable):
    """Blockfrost's answer does not match its API's description."""

    def __init__(self, what: str) -> None:
        """Name the part in ``what``, as in the API's description."""
        super().__init__(f"Blockfrost answered with something unforeseen: {what}")


def table(value: Any, what: str) -> Mapping[str, Any]:
    """Return a JSON object."""
    if not isinstance(value, dict):
        raise Malformed(f"{what} is no object")
    return value


def rows(value: Any, what: str) -> Sequence[Mapping[str, Any]]:
    """Return a JSON array of objects."""
    if not isinstance(value, list):
        raise Malformed(f"{what} is no list")
    return [table(row, f"an entry of {what}") for row in value]


def whole(row: Mapping[str, Any], name: str) -> int:
    """Return a whole number of at least 0, as a number or in decimal digits."""
    value = row.get(name)
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= _MAX_DIGITS:
        return int(value)
    raise Malformed(f"{name} is no whole number")


def fraction(row: Mapping[str, Any], name: str) -> Fraction:
    """Return a number of at least 0, exactly as its shortest decimal spelling."""
    value = row.get(name)
    if type(value) in (int, float):
        value = f"{value}"
    elif not isinstance(value, str) or not _DECIMAL.fullmatch(value):
        raise Malformed(f"{name} is no number")
    exact = Fraction(value)
    if not 0 <= exact < _GREATEST:
        raise Malformed(f"{name} is no number that can be")
    return exact


def flag(row: Mapping[str, Any], name: str) -> bool:
    """Return true or false."""
    value = row.get(name)
    if not isinstance(value, bool):
        raise Malformed(f"{name} is neither true nor false")
    return value


def text(row: Mapping[str, Any], name: str) -> str:
    """Return a text."""
    value = row.get(name)
    if not isinstance(value, str):
        raise Malformed(f"{name} is no text")
    return value


def digest(row: Mapping[str, Any], name: str, size: int = 32) -> str:
    """Return a hash in lowercase hex."""
    return raw_bytes(row, name, size).hex()


def raw_bytes(row: Mapping[str, Any], name: str, size: int | None = None) -> bytes:
    """Return bytes from hex, of the size if it is given."""
    try:
        value = bytes.fromhex(text(row, name))
    except ValueError:
        raise Malformed(f"{name} is no hex") from None
    if size is not None and len(value) != size:
        raise Malformed(f"{name} does not have {size} bytes")
    return value


def optional(
    read: Callable[[Mapping[str, Any], str], T], row: Mapping[str, Any], name: str
) -> T | None:
    """Read the field by ``read``; return ``None`` for a null or a missing field."""
    return None if row.get(name) is None else read(row, name)
