"""API keys in a table."""

from collections.abc import Sequence

from facilitator.plugin import ApiKey, Scope, StorageUnavailable
from facilitator_postgres.database import Database, Row

_COLUMNS = "name, digest, scope, per_minute, created_at, expires_at, revoked_at, used_at"
# These statements contain constant names and parameters, nothing that was received.
_ADD = f"""
    INSERT INTO {{schema}}.api_keys ({_COLUMNS}) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
    ON CONFLICT DO NOTHING RETURNING 1
"""  # noqa: S608
_BY_DIGEST = f"SELECT {_COLUMNS} FROM {{schema}}.api_keys WHERE digest = %s"  # noqa: S608
_ALL = f"SELECT {_COLUMNS} FROM {{schema}}.api_keys ORDER BY created_at"  # noqa: S608
_CONFIRM = "UPDATE {schema}.api_keys SET name = name WHERE name = %s RETURNING 1"
_REVOKE = """
    UPDATE {schema}.api_keys SET revoked_at = coalesce(revoked_at, %s) WHERE name = %s RETURNING 1
"""
_NOTE_USE = "SELECT {schema}.note_api_key_use(%s, %s)"


class PostgresApiKeys:
    """A :class:`~facilitator.roles.api_keys.StoresApiKeys` for all processes on a database."""

    def __init__(self, database: Database) -> None:
        """Keep them in the table of this database."""
        self._database = database

    def add_api_key(self, key: ApiKey) -> bool:
        """Write the key unless its name or its digest is taken; return True if it is stored now."""
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
        if self._database.change(_ADD, *row):
            return True
        # An earlier call may have ended before the disk or a standby had it: see ``storage``.
        return self.api_key(key.digest) == key and bool(self._database.change(_CONFIRM, key.name))

    def api_key(self, digest: str) -> ApiKey | None:
        """Return the key with this digest, if there is one."""
        rows = self._database.read(_BY_DIGEST, digest)
        return _decode(rows[0]) if rows else None

    def api_keys(self) -> Sequence[ApiKey]:
        """Return all keys, oldest first."""
        return [_decode(row) for row in self._database.read(_ALL)]

    def revoke_api_key(self, name: str, now: float) -> bool:
        """Revoke the key of this name; return False if there is none."""
        return bool(self._database.change(_REVOKE, now, name))

    def note_api_key_use(self, name: str, now: float) -> None:
        """Set the last use of the key, unless it has a later one."""
        self._database.change(_NOTE_USE, name, now)


def _decode(row: Row) -> ApiKey:
    """Return the key of the row. Raises :class:`StorageUnavailable`."""
    name, digest, scope, *others = row
    try:
        return ApiKey(name, digest, Scope(scope), *others)
    except ValueError as error:
        raise StorageUnavailable(
            "the storage holds a record that cannot be read",
            f"PostgreSQL holds an API key of the scope {scope}, which this facilitator does not"
            " know: a newer one, or another program, has written it",
        ) from error
