"""Claims as rows and back, and texts as columns hold them."""

import hashlib
import re
from dataclasses import fields
from operator import attrgetter
from typing import Any

from facilitator.plugin import Claim, ClaimState, StorageUnavailable

Row = tuple[Any, ...]

_NAMES = [field.name for field in fields(Claim)]
_VALUES = attrgetter(*_NAMES)
_STATE = _NAMES.index("state")
_SLOTS = (_NAMES.index("invalid_hereafter"), _NAMES.index("block_slot"))

COLUMNS = ", ".join(f'"{name}"' for name in _NAMES)
"""The columns of a claim, with the names and the order of its fields."""

PLACES = ", ".join("%s" for _ in _NAMES)
"""A parameter for each of the columns."""

EQUAL = " AND ".join(f'"{name}" IS NOT DISTINCT FROM %s' for name in _NAMES)
"""The condition that a row equals a claim."""


def escape(text: str) -> str:
    r"""Return the text without NUL, which no column holds: as ``\0``, and ``\`` as ``\\``."""
    return text.replace("\\", "\\\\").replace("\0", "\\0")


def unescape(text: str) -> str:
    """Return the text that was escaped."""
    if "\\" not in text:
        return text
    return re.sub(r"\\(.)", lambda found: "\0" if found[1] == "0" else found[1], text)


def hash_key(text: str) -> bytes:
    """Return the collision-resistant key of a text, which may be longer than an index takes."""
    return hashlib.blake2b(text.encode(), digest_size=16).digest()


def encode_claim(claim: Claim) -> Row:
    """Return the values of the columns."""
    values = [escape(each) if isinstance(each, str) else each for each in _VALUES(claim)]
    for index in _SLOTS:
        values[index] = None if values[index] is None else str(values[index])
    return tuple(values)


def decode_claim(row: Row) -> Claim:
    """Return the claim whose columns have these values. Raises :class:`StorageUnavailable`."""
    values: list[Any] = [unescape(each) if isinstance(each, str) else each for each in row]
    try:
        values[_STATE] = ClaimState(values[_STATE])
    except ValueError as error:
        raise StorageUnavailable(
            "the storage holds a record that cannot be read",
            "PostgreSQL holds a claim that cannot be read: another program has changed it",
        ) from error
    for index in _SLOTS:
        values[index] = None if values[index] is None else int(values[index])
    return Claim(*values)
