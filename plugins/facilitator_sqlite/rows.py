"""Claims as rows and back."""

from dataclasses import fields
from operator import attrgetter
from typing import Any

from facilitator.plugin import Claim, ClaimState
from facilitator_sqlite.errors import DamagedRow

Row = tuple[Any, ...]

_NAMES = [field.name for field in fields(Claim)]
_VALUES = attrgetter(*_NAMES)
_STATE = _NAMES.index("state")
_ACCEPTED = _NAMES.index("accepted")
_BYTES = tuple(_NAMES.index(name) for name in ("transaction", "record", "details"))
_SLOTS = (_NAMES.index("invalid_hereafter"), _NAMES.index("block_slot"))

COLUMNS = ", ".join(f'"{name}"' for name in _NAMES)
"""The columns of a claim, with the names and the order of its fields."""

PLACES = ", ".join("?" for _ in _NAMES)
"""A parameter for each of the columns."""


def encode_claim(claim: Claim) -> Row:
    """Return the values of the columns.

    They have the very classes that ``sqlite3`` binds at once. For a value of any other one, such as
    bytes, it looks first for an adapter.
    """
    values = list(_VALUES(claim))
    values[_STATE] = str(claim.state)
    values[_ACCEPTED] = int(claim.accepted)
    for index in _BYTES:
        values[index] = bytearray(values[index])
    for index in _SLOTS:
        values[index] = None if values[index] is None else str(values[index])
    return tuple(values)


def decode_claim(row: Row) -> Claim:
    """Return the claim whose columns have these values. Raises :class:`DamagedRow`."""
    values = list(row)
    try:
        values[_STATE] = ClaimState(values[_STATE])
        for index in _SLOTS:
            values[index] = None if values[index] is None else int(values[index])
    except ValueError as error:
        raise DamagedRow from error
    values[_ACCEPTED] = bool(values[_ACCEPTED])
    return Claim(*values)
