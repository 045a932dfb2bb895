"""Statements to PostgreSQL: bounded in time, repeated only where that is safe, errors explained.

Each statement is a transaction by itself. So a process that hangs or is cut off holds no lock.
"""

import logging
from functools import cache
from typing import Any

import psycopg

from facilitator.plugin import ChangeLog, Circuit, StorageUnavailable
from facilitator_postgres.address import Address
from facilitator_postgres.connections import Connections, Pool, TimedConnection, abandon
from facilitator_postgres.errors import (
    NoAnswer,
    NotConfirmed,
    explained,
    has_done_nothing,
    is_lost_connection,
    is_refusal,
    may_be_another_server,
)

Row = tuple[Any, ...]

_REPORT_CONNECTIONS = 2
_REPORT_SECONDS = 30.0

_log = logging.getLogger("facilitator.postgres")


class Database:
    """PostgreSQL on one server or several. Every method raises ``StorageUnavailable``.

    After a missing answer no call is made for a moment: calls then fail at once.
    """

    def __init__(self, address: Address, schema: str, size: int, timeout_seconds: float) -> None:
        """Open at most ``size`` connections, at the first use; wait so long for each answer."""
        self.schema = schema
        self.connections = Connections(address, size, timeout_seconds)
        self._circuit = Circuit()
        self._log = ChangeLog(_log, str(address))

    def change(self, statement: str, *values: Any, repeatable: bool = True) -> list[Row]:
        """Run a statement that writes; return its rows.

        ``repeatable`` means that a second run does no harm.
        """
        rows = self._ask(statement, values, repeatable=repeatable)
        self._log.works()
        return rows

    def read(self, statement: str, *values: Any) -> list[Row]:
        """Return the rows of a statement that changes nothing."""
        return self._ask(statement, values, repeatable=True)

    def change_login(self, address: Address) -> None:
        """Connect by this address, of the same database, from now on; no call is broken off."""
        if address != self.connections.address:
            self.connections.change(address)
            self._circuit.worked()

    def for_reports(self) -> "Database":
        """Return the same database for reads that take long, and that nothing else waits for."""
        address = self.connections.address
        return Database(address, self.schema, _REPORT_CONNECTIONS, _REPORT_SECONDS)

    def explain(self, error: psycopg.Error) -> StorageUnavailable:
        """Return the error for callers and the operator."""
        return StorageUnavailable(*explained(self.connections.address, error))

    def close(self) -> None:
        """Close all connections and open no others."""
        self.connections.close()

    def _ask(self, statement: str, values: tuple[Any, ...], *, repeatable: bool) -> list[Row]:
        if complaint := self._circuit.complaint():
            raise StorageUnavailable(*complaint)
        query = in_schema(statement, self.schema)
        try:
            rows = self._try(query, values, repeatable=repeatable)
        except psycopg.Error as error:
            complaint = explained(self.connections.address, error)
            if is_refusal(error):
                self._circuit.worked()
            else:
                self._circuit.failed(complaint)
            self._log.fails(complaint)
            raise StorageUnavailable(*complaint) from error
        self._circuit.worked()
        return rows

    def _try(self, query: bytes, values: tuple[Any, ...], *, repeatable: bool) -> list[Row]:
        """Run it, and once more on a new connection if that is safe and may help.

        After a restart or a failover, all connections that are open are dead, or lead to a server
        that is no longer the primary.
        """
        try:
            return self._once(query, values)
        except psycopg.Error as error:
            is_lost = repeatable and is_lost_connection(error)
            if not is_lost and not has_done_nothing(error):
                raise
        return self._once(query, values)

    def _once(self, query: bytes, values: tuple[Any, ...]) -> list[Row]:
        pool = self.connections.pool()
        connection = self._take(pool)
        try:
            cursor = connection.execute(query, values)
            rows = cursor.fetchall() if cursor.description else []
            if connection.has_warned:
                raise NotConfirmed("a warning")
        except NoAnswer:
            self.connections.drop(pool)
            abandon(connection)
            raise
        except psycopg.Error as error:
            self._put_back(pool, connection, error)
            raise
        except BaseException:
            connection.close()
            pool.putconn(connection)
            raise
        pool.putconn(connection)
        return rows

    def _take(self, pool: Pool) -> TimedConnection:
        try:
            return self.connections.take(pool)
        except psycopg.Error:
            self.connections.drop(pool)
            raise

    def _put_back(self, pool: Pool, connection: TimedConnection, error: psycopg.Error) -> None:
        """Give the connection back, and drop all if they may lead to the wrong server."""
        if may_be_another_server(error):
            connection.close()
            self.connections.drop(pool)
        pool.putconn(connection)


@cache
def in_schema(statement: str, schema: str) -> bytes:
    """Return the statement with the schema's name in its places."""
    return statement.replace("{schema}", f'"{schema}"').encode()
