"""Keys that are bound to values for a time: idempotency keys and other names."""

import sqlite3
from typing import Any

from facilitator_sqlite.database import Database

FORGOTTEN_AT_ONCE = 50
"""Bindings that are over, removed by a call that makes one: they are gone soon, and none waits."""

_FORGET = """
    DELETE FROM idempotency_keys WHERE key IN
    (SELECT key FROM idempotency_keys WHERE expires_at <= ? LIMIT ?)
"""
_BIND = """
    INSERT INTO idempotency_keys VALUES (?, ?, ?) ON CONFLICT (key) DO UPDATE
    SET fingerprint = excluded.fingerprint, expires_at = excluded.expires_at WHERE expires_at <= ?
"""
_BOUND = "SELECT fingerprint FROM idempotency_keys WHERE key = ?"
_BOUND_TO = f"{_BOUND} AND expires_at > ?"
_CHANGE = """
    UPDATE idempotency_keys SET fingerprint = ?, expires_at = ? WHERE key = ? AND fingerprint = ?
"""
_REMOVE = "DELETE FROM idempotency_keys WHERE key = ? AND fingerprint = ?"


class SqliteKeys:
    """The part of :class:`~facilitator.roles.storage.Storage` that binds keys."""

    def __init__(self, database: Database) -> None:
        """Keep them in this file."""
        self._database = database

    def bound_to(self, key: str, now: float) -> str | None:
        """Return the value that the key is bound to; ``None`` if it is bound to none."""
        return self._database.read(lambda each: _read_text(each, _BOUND_TO, (key, now)))

    def bind_key(self, key: str, value: str, expires_at: float, now: float) -> str:
        """Bind the key to the value unless it is bound; return the value it is bound to."""

        def bind(connection: sqlite3.Connection) -> str:
            connection.execute(_FORGET, (now, FORGOTTEN_AT_ONCE))
            connection.execute(_BIND, (key, value, expires_at, now))
            return str(_read_text(connection, _BOUND, (key,)))

        return self._database.write(bind, durable=False)

    def change_key(self, key: str, bound_to: str, value: str | None, expires_at: float) -> bool:
        """Bind a key that is bound to ``bound_to`` to another value, or with ``None`` to none."""

        def change(connection: sqlite3.Connection) -> bool:
            if value is None:
                changed = connection.execute(_REMOVE, (key, bound_to))
            else:
                changed = connection.execute(_CHANGE, (value, expires_at, key, bound_to))
            return changed.rowcount == 1 or _read_text(connection, _BOUND, (key,)) == value

        return self._database.write(change, durable=False)


def _read_text(connection: sqlite3.Connection, query: str, values: tuple[Any, ...]) -> str | None:
    found = connection.execute(query, values).fetchone()
    return None if found is None else str(found[0])
