"""Readers of Koios' answers: each returns a value or raises a typed error."""

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any, TypeVar

from facilitator.plugin import ChainUnavailable

T = TypeVar("T")
Row = Mapping[str, Any]

_GREATEST = 2**64
_EXACT = 2**53


class Malformed(ChainUnavailable):
    """Koios' answer does not match its API's description."""

    def __init__(self, what: str) -> None:
        """Name the part in ``what``, as in the API's description."""
        super().__init__(f"Koios answered with something unforeseen: {what}")


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


def whole(row: Row, name: str) -> int:
    """Return a whole number of 64 bits, as a number or in decimal digits."""
    value = row.get(name)
    if isinstance(value, str) and len(value) <= 20 and value.isascii() and value.isdigit():
        value = int(value)
    elif isinstance(value, float) and value.is_integer() and abs(value) < _EXACT:
        value = int(value)  # a database may show a decimal so
    if type(value) is int and 0 <= value < _GREATEST:
        return value
    raise Malformed(f"{name} is no whole number")


def fraction(row: Row, name: str) -> Fraction:
    """Return a number of at least 0, exactly as its shortest decimal spelling."""
    value = row.get(name)
    if type(value) not in (int, float):
        raise Malformed(f"{name} is no number")
    exact = Fraction(f"{value}")
    if not 0 <= exact < _GREATEST:
        raise Malformed(f"{name} is no number that can be")
    return exact


def flag(row: Row, name: str) -> bool:
    """Return true or false."""
    value = row.get(name)
    if not isinstance(value, bool):
        raise Malformed(f"{name} is neither true nor false")
    return value


def text(row: Row, name: str) -> str:
    """Return a text."""
    value = row.get(name)
    if not isinstance(value, str):
        raise Malformed(f"{name} is no text")
    return value


def digest(row: Row, name: str) -> str:
    """Return a hash of 32 bytes in lowercase hex."""
    return raw_bytes(row, name, 32).hex()


def raw_bytes(row: Row, name: str, size: int | None = None) -> bytes:
    """Return bytes from hex, of the size if it is given."""
    try:
        value = bytes.fromhex(text(row, name))
    except ValueError:
        raise Malformed(f"{name} is no hex") from None
    if size is not None and len(value) != size:
        raise Malformed(f"{name} does not have {size} bytes")
    return value


def optional(read: Callable[[Row, str], T], row: Row, name: str) -> T | None:
    """Read the field by ``read``; return ``None`` for a null or a missing field."""
    return None if row.get(name) is None else read(row, name)
