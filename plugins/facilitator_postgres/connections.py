"""The connections in use, which are all made again when they may lead to the wrong server."""

import logging
import threading
import time
from collections.abc import Generator
from contextlib import suppress
from typing import Any, TypeAlias, TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.adapt import AdaptersMap
from psycopg.rows import TupleRow
from psycopg.types.numeric import Int8Dumper
from psycopg_pool import ConnectionPool

from facilitator.plugin import StorageUnavailable
from facilitator_postgres.address import Address
from facilitator_postgres.errors import NoAnswer

RV = TypeVar("RV")

_LEAST_CONNECT_SECONDS = 2
_LIFETIME_SECONDS = 1800.0
"""Seconds after which a connection is replaced, so that those to a former address end."""

# Names are looked up in the system's schema alone, so that no other role can put its functions in
# their place. The functions of the schema rely on READ COMMITTED.
_CONFIGURE = """
    SELECT set_config('search_path', 'pg_catalog', false),
        set_config('default_transaction_isolation', 'read committed', false),
        set_config('client_min_messages', 'warning', false)
"""

logging.getLogger("psycopg.pool").setLevel(logging.CRITICAL)  # the plugin logs what it says


class _Adapters:
    """The types by which values are sent."""

    connection = None

    def __init__(self) -> None:
        self.adapters = AdaptersMap(psycopg.adapters)
        self.adapters.register_dumper(int, Int8Dumper)  # one for all: statements stay alike


_ADAPTERS = _Adapters()


class TimedConnection(psycopg.Connection[TupleRow]):
    """A connection whose statements fail when the server does not answer in time."""

    answer_seconds = 5.0
    has_warned = False
    """True once the server has warned that a change may not last."""

    def wait(self, gen: PQGen[RV], *arguments: Any, **named: Any) -> RV:
        """Wait for an answer. Raises :class:`NoAnswer`."""
        return super().wait(_timed(gen, self.answer_seconds), *arguments, **named)

    def note_warning(self, notice: psycopg.errors.Diagnostic) -> None:
        """Remember a warning, such as that of a commit whose wait for a standby was ended."""
        self.has_warned = self.has_warned or notice.severity_nonlocalized == "WARNING"


def _timed(gen: PQGen[RV], seconds: float) -> Generator[Any, Any, RV]:
    deadline = time.monotonic() + seconds
    ready = None
    while True:
        try:
            wanted = next(gen) if ready is None else gen.send(ready)
        except StopIteration as end:
            result: RV = end.value
            return result
        ready = yield wanted
        if not ready and time.monotonic() > deadline:
            raise NoAnswer("no answer in time")


Pool: TypeAlias = ConnectionPool[TimedConnection]


class Connections:
    """A pool for all threads, made at the first use by the names in the address."""

    def __init__(self, address: Address, size: int, timeout_seconds: float) -> None:
        """Open at most ``size``; wait ``timeout_seconds`` for each answer."""
        self.address = address
        self._size = size
        self._timeout_seconds = timeout_seconds
        self._lock = threading.Lock()
        self._connecting = threading.Lock()
        self._pool: Pool | None = None
        self._is_closed = False
        self._failures = 0
        self._failure: psycopg.Error | None = None

    def pool(self) -> Pool:
        """Return the pool, connected if need be. Raises psycopg's errors.

        Of threads that wait for one that connects, none connects again if that one fails.
        """
        failures = self._failures
        if (pool := self._current()) is not None:
            return pool
        with self._connecting:
            if (pool := self._current()) is not None:
                return pool
            if self._failure is not None and self._failures != failures:
                raise self._failure
            return self._connect()

    def take(self, pool: Pool) -> TimedConnection:
        """Return a connection, which the caller puts back. Raises psycopg's errors."""
        return pool.getconn(self._timeout_seconds)

    def drop(self, pool: Pool) -> None:
        """Leave the pool to the calls that use it; the next call makes a new one."""
        with self._lock:
            if self._pool is pool:
                self._pool = None
        pool.close(timeout=0)

    def change(self, address: Address) -> None:
        """Connect to this address from now on."""
        with self._lock:
            self.address = address
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.close(timeout=0)

    def close(self) -> None:
        """Close all connections and open no others."""
        with self._lock:
            self._is_closed = True
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.close()

    def connect(self) -> TimedConnection:
        """Return a connection outside the pool. Raises psycopg's errors."""
        parameters = self._parameters(self.address)
        connection = TimedConnection.connect(**parameters)
        try:
            self._configure(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _connect(self) -> Pool:
        address = self.address
        try:
            # The pool tries again and again in the background: this one says why it fails.
            self.connect().close()
        except psycopg.Error as error:
            self._failure, self._failures = error, self._failures + 1
            raise
        pool: Pool = ConnectionPool(
            kwargs=self._parameters(address),
            connection_class=TimedConnection,
            configure=self._configure,
            min_size=1,
            max_size=self._size,
            max_lifetime=_LIFETIME_SECONDS,
            reconnect_timeout=self._timeout_seconds,
            name="facilitator",
            num_workers=1,
            open=True,
        )
        with self._lock:
            self._failure = None
            if address is self.address and not self._is_closed:
                self._pool = pool
                return pool
        pool.close(timeout=0)
        return self._connect() if address is not self.address else self._closed()

    def _current(self) -> Pool | None:
        with self._lock:
            return self._closed() if self._is_closed else self._pool

    def _closed(self) -> Pool:
        raise StorageUnavailable(
            "the storage is closed", f"the connection to {self.address} is closed"
        )

    def _parameters(self, address: Address) -> dict[str, Any]:
        seconds = max(_LEAST_CONNECT_SECONDS, round(self._timeout_seconds))
        return {
            "connect_timeout": seconds,
            **address.parameters,
            "autocommit": True,
            "context": _ADAPTERS,
        }

    def _configure(self, connection: TimedConnection) -> None:
        connection.answer_seconds = self._timeout_seconds
        connection.add_notice_handler(connection.note_warning)
        connection.execute(_CONFIGURE)


def abandon(connection: TimedConnection) -> None:
    """Have the server end what it does for a connection, and close that, while nothing waits.

    A server that waits for a standby would keep the connection for as long as the standby is away.
    """

    def end() -> None:
        with suppress(psycopg.Error, OSError):
            connection.cancel_safe(timeout=_LEAST_CONNECT_SECONDS)
        connection.close()

    threading.Thread(target=end, name="postgres abandons", daemon=True).start()
