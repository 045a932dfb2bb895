"""Records in a table of PostgreSQL, for several machines. Each change is one statement."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any, TypeVar

import psycopg
from psycopg_pool import ConnectionPool, PoolTimeout

from facilitator_channels.seller.store import StoreUnavailable
from facilitator_channels.seller.stores.libpq import own_parameters

T = TypeVar("T")

_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_TABLE = "CREATE TABLE IF NOT EXISTS {} (channel_id text PRIMARY KEY, record bytea NOT NULL)"
_READ = "SELECT record FROM {} WHERE channel_id = %(id)s"
_PAGE = "SELECT channel_id, record FROM {} WHERE channel_id > %(id)s ORDER BY channel_id LIMIT 200"
_INSERT = "INSERT INTO {} VALUES (%(id)s, %(new)s) ON CONFLICT DO NOTHING"
_UPDATE = "UPDATE {} SET record = %(new)s WHERE channel_id = %(id)s AND record = %(old)s"
_DELETE = "DELETE FROM {} WHERE channel_id = %(id)s AND record = %(old)s"
_LOCK = "SELECT pg_advisory_xact_lock(hashtext('x402 channels'))"
"""Creating a table at the same time in two sessions can fail, though ``IF NOT EXISTS`` says so."""


class PostgresStore:
    """A :class:`~facilitator_channels.seller.store.ChannelStore` in one table.

    Open it after forking.
    """

    def __init__(
        self,
        url: str,
        table: str = "x402_channels",
        timeout_seconds: float = 5,
        connections: int = 8,
    ) -> None:
        """Connect, and make the table if it is missing. Raises :class:`StoreUnavailable`.

        ``connections`` is the most that are open. A call waits ``timeout_seconds`` for a free one
        and, in the server, for its answer. Raises :class:`ValueError` for a table's name that would
        have to be quoted.
        """
        if not _NAME.fullmatch(table):
            raise ValueError(f"a table's name has small letters, digits and _: {table!r:.80}")
        self._table = table
        milliseconds = round(timeout_seconds * 1000)
        try:
            parameters = own_parameters(url)
        except psycopg.ProgrammingError as error:
            raise _explained(error) from error
        self._pool: ConnectionPool[Any] = ConnectionPool(
            kwargs={
                **parameters,
                "autocommit": True,
                "connect_timeout": max(2, round(timeout_seconds)),
                "options": f"-c statement_timeout={milliseconds} -c synchronous_commit=on",
            },
            min_size=1,
            max_size=connections,
            timeout=timeout_seconds,
            open=False,
        )
        try:
            self._pool.open()
            with self._pool.connection() as connection, connection.transaction():
                connection.execute(_LOCK)
                connection.execute(self._sql(_TABLE))
        except (psycopg.Error, PoolTimeout) as error:
            self._pool.close()
            raise _explained(error) from error

    def read(self, channel_id: str) -> bytes | None:
        """Return the newest record; ``None`` if there is none."""
        rows = self._rows(_READ, {"id": channel_id})
        return rows[0][0] if rows else None

    def replace(
        self,
        channel_id: str,
        old: bytes | None,
        new: bytes | None,
        *,
        durable: bool,  # noqa: ARG002 -- each change is
    ) -> bool:
        """Put ``new`` in the place of ``old``, if that is the record; return True if it was.

        Every change is on the disk before the answer.
        """
        if old is None and new is None:
            return self.read(channel_id) is None
        statement = _INSERT if old is None else _DELETE if new is None else _UPDATE
        values = {"id": channel_id, "old": old, "new": new}
        return self._run(lambda each: each.execute(self._sql(statement), values).rowcount == 1)

    def scan(self) -> Iterator[bytes]:
        """Yield each record, by pages."""
        last = ""
        while rows := self._rows(_PAGE, {"id": last}):
            last = rows[-1][0]
            yield from (record for _, record in rows)

    def close(self) -> None:
        """Close all connections."""
        self._pool.close()

    def _rows(self, query: str, values: Mapping[str, Any]) -> list[Any]:
        return self._run(lambda each: each.execute(self._sql(query), values).fetchall())

    def _run(self, use: Callable[[psycopg.Connection[Any]], T]) -> T:
        """Return the result of one statement; after a failure, replace connections that broke."""
        try:
            with self._pool.connection() as connection:
                return use(connection)
        except (psycopg.Error, PoolTimeout) as error:
            with suppress(psycopg.Error, PoolTimeout):
                self._pool.check()
            raise _explained(error) from error

    def _sql(self, text: str) -> bytes:
        return text.format(self._table).encode()


def _explained(error: Exception) -> StoreUnavailable:
    """Return the error without the server's text, which may quote a record or a password."""
    state = getattr(error, "sqlstate", None)
    return StoreUnavailable(f"PostgreSQL cannot be used: {state or type(error).__name__}")
