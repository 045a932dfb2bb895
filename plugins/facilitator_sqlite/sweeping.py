"""Removing short-lived rows whose time is over, some with each so many new ones.

An index by their ends would cost each new row more than this.
"""

import itertools
import sqlite3

SWEEP_EVERY = 64
"""Each so many new rows, some that may be over are looked at."""
SWEPT_AT_ONCE = 256
"""Four for each new one, so that at most a third of those kept is over."""

_LAST = b"\xff" * 16


class Sweep:
    """Looks at the rows of a table by their keys, which are hashes, round and round."""

    def __init__(self, table: str, key: str) -> None:
        """Begin at the first key."""
        self._find = f"SELECT {key} FROM {table} WHERE {key} > ? ORDER BY {key} LIMIT 1 OFFSET ?"  # noqa: S608 -- constant names
        self._remove = f"DELETE FROM {table} WHERE {key} > ? AND {key} <= ? AND expires_at <= ?"  # noqa: S608 -- constant names
        self._calls = itertools.count(1)
        self._swept_to = b""

    def is_due(self) -> bool:
        """Return True for each of so many calls: one is made with each new row."""
        return next(self._calls) % SWEEP_EVERY == 0

    def run(self, connection: sqlite3.Connection, now: float) -> None:
        """Remove those that are over among the next ones."""
        found = connection.execute(self._find, (self._swept_to, SWEPT_AT_ONCE - 1)).fetchone()
        (end,) = found or (_LAST,)
        connection.execute(self._remove, (self._swept_to, end, now))
        self._swept_to = end if found else b""
