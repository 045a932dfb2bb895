"""PostgREST's operators on the rows of an answer: filters, order, paging, columns."""

import re
from collections.abc import Callable, Mapping, Sequence
from operator import eq, ge, gt, le, lt, ne
from typing import Any

from facilitator_devnet.blockfrost.errors import ApiError

MAX_ROWS = 1000
_OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": eq,
    "neq": ne,
    "gt": gt,
    "gte": ge,
    "lt": lt,
    "lte": le,
}
_OWN = ("select", "order", "limit", "offset")

Row = Mapping[str, Any]


def apply(rows: Sequence[Row], query: Mapping[str, str]) -> Sequence[Row]:
    """Return the rows that the query asks for. Raises :class:`ApiError` (400)."""
    for column, condition in query.items():
        if column not in _OWN and not column.startswith("_"):
            rows = [row for row in rows if _holds(row, column, condition)]
    if order := query.get("order"):
        column, _, direction = order.partition(".")
        rows = sorted(rows, key=lambda row: row[column], reverse=direction == "desc")
    start = _number(query.get("offset", "0"))
    count = min(MAX_ROWS, _number(query.get("limit", str(MAX_ROWS))))
    rows = rows[start : start + count]
    if columns := query.get("select"):
        names = columns.split(",")
        return [{name: row[name] for name in names} for row in rows]
    return rows


def _holds(row: Row, column: str, condition: str) -> bool:
    operator, _, text = condition.partition(".")
    if operator not in _OPERATORS or column not in row:
        raise ApiError(400, f"cannot filter {column} by {condition}")
    value = row[column]
    wanted: Any = int(text) if isinstance(value, int) and re.fullmatch("[0-9]+", text) else text
    return _OPERATORS[operator](value, wanted)


def _number(text: str) -> int:
    if not re.fullmatch("[0-9]{1,9}", text):
        raise ApiError(400, "limit and offset must be whole numbers")
    return int(text)
