"""API keys in the file."""

import sqlite3
from collections.abc import Sequence
from typing import Any

from facilitator.plugin import ApiKey, Scope
from facilitator_sqlite.database import Database
from facilitator_sqlite.errors import DamagedRow

_COLUMNS = "name, digest, scope, per_minute, created_at, expires_at, revoked_at, used_at"
_ADD = "INSERT INTO api_keys VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
_BY_DIGEST = f"SELECT {_COLUMNS} FROM api_keys WHERE digest = ?"  # noqa: S608 -- constants
_ALL = f"SELECT {_COLUMNS} FROM api_keys ORDER BY created_at"  # noqa: S608 -- constants
_REVOKE = "UPDATE api_keys SET revoked_at = coalesce(revoked_at, ?) WHERE name = ?"
_NOTE_USE = "UPDATE api_keys SET used_at = max(coalesce(used_at, ?1), ?1) WHERE name = ?2"


class SqliteApiKeys:
    """A :class:`~facilitator.roles.api_keys.StoresApiKeys` for the processes of one machine."""

    def __init__(self, database: Database) -> None:
        """Keep them in this file."""
        self._database = database

    def add_api_key(self, key: ApiKey) -> bool:
        """Write the key unless its name or its digest is taken; return True if it is stored now."""

        def add(connection: sqlite3.Connection) -> bool:
            row = (
                key.name,
                key.digest,
                key.scope,
                key.per_minute,
                key.created_at,
                key.expires_at,
                key.revoked_at,
                key.used_at,
            )
            is_new = connection.execute(_ADD, row).rowcount == 1
            return is_new or _find(connection, key.digest) == key

        return self._database.write(add, durable=True)

    def api_key(self, digest: str) -> ApiKey | None:
        """Return the key with this digest, if there is one."""
        return self._database.read(lambda connection: _find(connection, digest))

    def api_keys(self) -> Sequence[ApiKey]:
        """Return all keys, oldest first."""
        return self._database.read(
            lambda connection: [_decode(row) for row in connection.execute(_ALL).fetchall()]
        )

    def revoke_api_key(self, name: str, now: float) -> bool:
        """Revoke the key of this name; return False if there is none."""
        return self._database.write(
            lambda connection: connection.execute(_REVOKE, (now, name)).rowcount == 1, durable=True
        )

    def note_api_key_use(self, name: str, now: float) -> None:
        """Set the last use of the key, unless it has a later one."""

        def note(connection: sqlite3.Connection) -> None:
            connection.execute(_NOTE_USE, (now, name))

        self._database.write(note, durable=False)


def _find(connection: sqlite3.Connection, digest: str) -> ApiKey | None:
    row = connection.execute(_BY_DIGEST, (digest,)).fetchone()
    return None if row is None else _decode(row)


def _decode(row: tuple[Any, ...]) -> ApiKey:
    """Return the key of the row. Raises :class:`DamagedRow`."""
    name, digest, scope, *others = row
    try:
        return ApiKey(name, digest, Scope(scope), *others)
    except ValueError as error:
        raise DamagedRow from error
