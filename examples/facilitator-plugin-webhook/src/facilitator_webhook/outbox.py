"""The events that wait for their delivery, in a file that several processes share."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from facilitator_webhook.event import Event
from facilitator_webhook.opening import open_file

BUSY_SECONDS = 1.0
"""Time to wait for other processes' writes: less than an observer has."""
_SCHEMA = (
    """
    CREATE TABLE IF NOT EXISTS events (
        number INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        payment TEXT NOT NULL,
        version INTEGER NOT NULL,
        body BLOB NOT NULL,
        created REAL NOT NULL,
        attempts INTEGER NOT NULL DEFAULT 0,
        due REAL NOT NULL
    )
    """,
    "CREATE INDEX IF NOT EXISTS by_payment ON events (payment, version, number)",
    "CREATE INDEX IF NOT EXISTS by_due ON events (due, number)",
)
_ADD = """
    INSERT OR IGNORE INTO events (id, payment, version, body, created, due)
    VALUES (?, ?, ?, ?, ?, ?)
"""
_FIRST = """
    SELECT number, id, body, created, attempts FROM events AS each
    WHERE due <= ? AND NOT EXISTS (
        SELECT 1 FROM events AS other WHERE other.payment = each.payment
        AND (other.version, other.number) < (each.version, each.number)
    )
    ORDER BY due, number LIMIT 1
"""
_POSTPONE = """
    UPDATE events SET due = max(due, ?)
    WHERE payment = (SELECT payment FROM events WHERE number = ?)
"""


@dataclass(frozen=True)
class Waiting:
    """An event whose turn it is."""

    number: int
    id: str
    body: bytes
    created: float
    attempts: int
    """Number of attempts that were made."""


class Outbox:
    """The file. Safe to use from many threads and processes."""

    def __init__(self, path: str, max_events: int) -> None:
        """Open the file. Raises :class:`sqlite3.Error`."""
        self._max_events = max_events
        self._lock = threading.Lock()
        self._connection = open_file(path, _SCHEMA, BUSY_SECONDS)

    def add(self, event: Event, now: float) -> bool:
        """Keep the event; return False if there is no room. It is on the disk by then."""
        with self._writing() as connection:
            ((number,),) = connection.execute("SELECT count(*) FROM events")
            if number >= self._max_events:
                return False
            row = (event.id, event.payment, event.version, event.body, now, now)
            connection.execute(_ADD, row)
            return True

    def first(self, now: float) -> Waiting | None:
        """Return the event that is due first, of each payment only its oldest."""
        with self._lock:
            row = self._connection.execute(_FIRST, (now,)).fetchone()
        return None if row is None else Waiting(*row)

    def remove(self, number: int) -> None:
        """Forget the event."""
        with self._writing() as connection:
            connection.execute("DELETE FROM events WHERE number = ?", (number,))

    def postpone(self, number: int, due: float) -> None:
        """Count a failed attempt; the next one is due later, and what follows it not before."""
        with self._writing() as connection:
            connection.execute(
                "UPDATE events SET attempts = attempts + 1 WHERE number = ?", (number,)
            )
            connection.execute(_POSTPONE, (due, number))

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")
