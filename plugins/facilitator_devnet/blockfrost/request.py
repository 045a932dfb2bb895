"""The parts of a request: parameters, paging, body."""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeVar

from facilitator_devnet.blockfrost.errors import invalid

MAX_COUNT = 100
MAX_PAGE = 21_474_836

T = TypeVar("T")


class Page(NamedTuple):
    """The requested part of a list."""

    count: int  # type: ignore[assignment]  # Blockfrost's name, which tuple has a method of
    page: int
    descending: bool

    def of(self, items: Sequence[T]) -> Sequence[T]:
        """Return that part of the items, which are in ascending order."""
        start, stop = (self.page - 1) * self.count, self.page * self.count
        if not self.descending:
            return items[start:stop]
        size = len(items)
        return items[max(0, size - stop) : max(0, size - start)][::-1]


class Request(NamedTuple):
    """A request with a known endpoint."""

    params: Mapping[str, str]
    """The parameters in the path."""
    query: Mapping[str, str]
    content_type: str
    body: bytes
    path: str = ""
    """The whole path."""

    @property
    def page(self) -> Page:
        """The requested page. Raises :class:`ApiError` (400)."""
        order = self.query.get("order", "asc")
        if order not in ("asc", "desc"):
            raise invalid("querystring/order must be equal to one of the allowed values")
        count = self._integer("count", MAX_COUNT, MAX_COUNT)
        return Page(count, self._integer("page", 1, MAX_PAGE), order == "desc")

    def _integer(self, name: str, default: int, largest: int) -> int:
        text = self.query.get(name)
        if text is None:
            return default
        if not re.fullmatch(r"-?[0-9]{1,18}", text):
            raise invalid(f"querystring/{name} must be integer")
        value = int(text)
        if value < 1:
            raise invalid(f"querystring/{name} must be >= 1")
        if value > largest:
            raise invalid(f"querystring/{name} must be <= {largest}")
        return value
