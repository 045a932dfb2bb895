"""Keys that are bound to values for a time: idempotency keys and other names."""

import sqlite3

from facilitator_sqlite.database import Database
from facilitator_sqlite.rows import full_value, hash_key, short_value
from facilitator_sqlite.sweeping import Sweep

_BIND = """
    INSERT INTO bound_keys VALUES (?, ?, ?) ON CONFLICT (key) DO UPDATE
    SET value = excluded.value, expires_at = excluded.expires_at WHERE expires_at <= ?
"""
_BOUND = "SELECT value FROM bound_keys WHERE key = ?"
_BOUND_TO = f"{_BOUND} AND expires_at > ?"
_CHANGE = "UPDATE bound_keys SET value = ?, expires_at = ? WHERE key = ? AND value = ?"
_REMOVE = "DELETE FROM bound_keys WHERE key = ? AND value = ?"


class SqliteKeys:
    """The part of :class:`~facilitator.roles.storage.Storage` that binds keys."""

    def __init__(self, database: Database) -> None:
        """Keep them in this file."""
        self._database = database
        self._key_sweep = Sweep("bound_keys", "key")

    def bound_to(self, key: str, now: float) -> str | None:
        """Return the value that the key is bound to; ``None`` if it is bound to none."""
        name = hash_key(key)
        return self._database.read(lambda each: _read_value(each, _BOUND_TO, name, now))

    def bind_key(self, key: str, value: str, expires_at: float, now: float) -> str:
        """Bind the key to the value unless it is bound; return the value it is bound to."""
        name, is_due = hash_key(key), self._key_sweep.is_due()

        def bind(connection: sqlite3.Connection) -> str:
            if is_due:
                self._key_sweep.run(connection, now)
            connection.execute(_BIND, (name, short_value(value), expires_at, now))
            return str(_read_value(connection, _BOUND, name))

        return self._database.write(bind, durable=False)

    def change_key(self, key: str, bound_to: str, value: str | None, expires_at: float) -> bool:
        """Bind a key that is bound to ``bound_to`` to another value, or with ``None`` to none."""
        name, before = hash_key(key), short_value(bound_to)

        def change(connection: sqlite3.Connection) -> bool:
            if value is None:
                changed = connection.execute(_REMOVE, (name, before))
            else:
                wanted = (short_value(value), expires_at)
                changed = connection.execute(_CHANGE, (*wanted, name, before))
            return changed.rowcount == 1 or _read_value(connection, _BOUND, name) == value

        return self._database.write(change, durable=False)


def _read_value(connection: sqlite3.Connection, query: str, *values: object) -> str | None:
    found = connection.execute(query, values).fetchone()
    return None if found is None else full_value(found[0])
