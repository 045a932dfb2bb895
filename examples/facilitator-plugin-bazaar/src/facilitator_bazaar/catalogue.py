"""The catalogue, in a file that several processes share."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, NamedTuple

from facilitator_bazaar.listing import Listing
from facilitator_bazaar.opening import open_file
from facilitator_bazaar.settings import BazaarSettings

BUSY_SECONDS = 0.5
"""Time to wait for other processes' writes: less than an observer has."""
REFRESH_SECONDS = 60.0
"""Age from which an unchanged listing is written again: a payment a second writes seldom."""
MOST_TERMS = 8
"""Assets by which a resource is listed at most."""
_DAY_SECONDS = 86_400
_SCHEMA = (
    "PRAGMA synchronous = NORMAL",
    "PRAGMA foreign_keys = ON",
    """
    CREATE TABLE IF NOT EXISTS resources (
        number INTEGER PRIMARY KEY,
        url TEXT NOT NULL,
        network TEXT NOT NULL,
        pay_to TEXT NOT NULL,
        item TEXT NOT NULL,
        updated REAL NOT NULL,
        UNIQUE (url, network, pay_to)
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS terms (
        resource INTEGER NOT NULL REFERENCES resources ON DELETE CASCADE,
        asset TEXT NOT NULL,
        terms TEXT NOT NULL,
        updated REAL NOT NULL,
        PRIMARY KEY (resource, asset)
    ) WITHOUT ROWID
    """,
    "CREATE INDEX IF NOT EXISTS by_recipient ON resources (pay_to)",
    "CREATE INDEX IF NOT EXISTS by_time ON resources (updated)",
)
_FIND = "SELECT number FROM resources WHERE url = ? AND network = ? AND pay_to = ?"
_IS_LISTED = """
    SELECT 1 FROM resources JOIN terms ON resource = number
    WHERE url = ? AND network = ? AND pay_to = ? AND asset = ? AND item = ? AND terms = ?
    AND resources.updated > ?
"""
_PUT = """
    INSERT INTO resources (url, network, pay_to, item, updated) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET item = excluded.item, updated = excluded.updated RETURNING number
"""
_PUT_TERMS = """
    INSERT INTO terms VALUES (?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET terms = excluded.terms, updated = excluded.updated
"""
_CUT_TERMS = """
    DELETE FROM terms WHERE resource = ? AND asset NOT IN (
        SELECT asset FROM terms WHERE resource = ? ORDER BY updated DESC, asset LIMIT ?
    )
"""
_FILTER = "updated > ? AND (? IS NULL OR network = ?) AND (? IS NULL OR pay_to = ?)"


class Page(NamedTuple):
    """A part of the catalogue."""

    items: list[dict[str, Any]]
    total: int


class Catalogue:
    """The file. Safe to use from many threads and processes."""

    def __init__(self, settings: BazaarSettings, now: Callable[[], float]) -> None:
        """Open the file. Raises :class:`sqlite3.Error`."""
        self._settings = settings
        self._now = now
        self._lock = threading.Lock()
        self._connection = open_file(settings.path, _SCHEMA, BUSY_SECONDS)

    def has(self, listing: Listing) -> bool:
        """Return True if this very listing is in the catalogue."""
        with self._lock:
            return self._has(listing, self._oldest())

    def has_room(self, listing: Listing) -> bool:
        """Return True if the listing is in the catalogue, or can be taken in."""
        with self._lock:
            return self._has_room(listing)

    def put(self, listing: Listing) -> bool:
        """Take the listing in; return False if there is no room."""
        now = self._now()
        with self._lock:
            if self._has(listing, now - REFRESH_SECONDS):
                return True
        with self._writing():
            self._connection.execute("DELETE FROM resources WHERE updated <= ?", (self._oldest(),))
            if not self._has_room(listing):
                return False
            row = (listing.url, listing.network, listing.pay_to, listing.item, now)
            ((number,),) = self._connection.execute(_PUT, row).fetchall()
            self._connection.execute(_PUT_TERMS, (number, listing.asset, listing.terms, now))
            self._connection.execute(_CUT_TERMS, (number, number, MOST_TERMS))
            return True

    def page(self, limit: int, offset: int, network: str | None, pay_to: str | None) -> Page:
        """Return a part of the catalogue, in the order in which resources came in."""
        values = (self._oldest(), network, network, pay_to, pay_to)
        with self._lock:
            query = f"SELECT count(*) FROM resources WHERE {_FILTER}"  # noqa: S608 -- a constant
            ((total,),) = self._connection.execute(query, values)
            rows = self._connection.execute(
                f"SELECT number, item, updated FROM resources WHERE {_FILTER}"  # noqa: S608
                " ORDER BY number LIMIT ? OFFSET ?",
                (*values, limit, offset),
            ).fetchall()
            return Page([self._item(*row) for row in rows], total)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    def _item(self, number: int, item: str, updated: float) -> dict[str, Any]:
        rows = self._connection.execute(
            "SELECT terms FROM terms WHERE resource = ? ORDER BY asset", (number,)
        )
        accepts = [json.loads(terms) for (terms,) in rows]
        time = datetime.fromtimestamp(updated, UTC).isoformat(timespec="seconds")
        return {**json.loads(item), "accepts": accepts, "lastUpdated": time}

    def _has(self, listing: Listing, after: float) -> bool:
        key = (listing.url, listing.network, listing.pay_to, listing.asset)
        values = (*key, listing.item, listing.terms, after)
        return self._connection.execute(_IS_LISTED, values).fetchone() is not None

    def _has_room(self, listing: Listing) -> bool:
        key = (listing.url, listing.network, listing.pay_to)
        if self._connection.execute(_FIND, key).fetchone() is not None:
            return True
        oldest = self._oldest()
        count = "SELECT count(*) FROM resources WHERE updated > ?"
        ((of_all,),) = self._connection.execute(count, (oldest,))
        ((own,),) = self._connection.execute(f"{count} AND pay_to = ?", (oldest, listing.pay_to))
        limits = self._settings
        return bool(of_all < limits.max_resources and own < limits.max_per_recipient)

    def _oldest(self) -> float:
        return self._now() - self._settings.keep_days * _DAY_SECONDS

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")
