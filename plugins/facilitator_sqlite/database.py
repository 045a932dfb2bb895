"""The file: its connections, and the checks before it is used."""

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from facilitator_sqlite.errors import DamagedRow, explained, unavailable
from facilitator_sqlite.schema import APPLICATION_ID, STEPS
from facilitator_sqlite.writer import TooBusy, Writer

_RETRY_SECONDS = 0.01

T = TypeVar("T")


class Database:
    """A connection that reads and one that writes, each used by one thread at a time.

    In WAL mode neither waits for the other. Open it after forking, never before: a connection must
    not be carried into a child process. Every method raises
    :class:`~facilitator.roles.storage.StorageUnavailable`.
    """

    def __init__(self, path: str, busy_seconds: float) -> None:
        """Open or create the file; a write waits ``busy_seconds`` for other processes' writes."""
        if path in ("", ":memory:"):
            raise unavailable(repr(path), "would not be kept; enable the plugin 'memory' instead")
        if sqlite3.sqlite_version_info < (3, 37):  # the first with STRICT tables
            complaint = f"needs SQLite 3.37 or newer, this Python has {sqlite3.sqlite_version}"
            raise unavailable(path, complaint)
        self.path = str(Path(path).absolute())
        self._busy_seconds = busy_seconds
        self._read_lock = threading.Lock()
        self._connections: list[sqlite3.Connection] = []
        try:
            with self._explaining():
                self._adopt(self._connect())
                self._writer = Writer(self._connections[0], busy_seconds)
                self._reader = self._connect()
            self._file = self._found()
        except BaseException:
            for connection in self._connections:
                connection.close()
            raise

    def read(self, query: Callable[[sqlite3.Connection], T]) -> T:
        """Run the query on the committed state; return its result."""
        self._check_file()
        try:
            with self._read_lock:
                return query(self._reader)
        except (sqlite3.Error, DamagedRow) as error:
            raise explained(self.path, error) from error

    def write(
        self,
        operation: Callable[[sqlite3.Connection], T],
        *,
        durable: bool,
        is_statement: bool = False,
    ) -> T:
        """Commit the operation; return its result. See :meth:`Writer.write`.

        The end of this or any process never undoes it. A loss of power may undo it unless it, or
        one committed after it, was ``durable``.
        """
        try:
            result: T = self._writer.write(operation, durable=durable, is_statement=is_statement)
        except TooBusy:
            raise unavailable(self.path, "is too busy; use a faster disk") from None
        except (sqlite3.Error, DamagedRow) as error:
            raise explained(self.path, error) from error
        self._check_file()
        return result

    def close(self) -> None:
        """Close all connections; the last one of all processes folds the log into the file."""
        with self._explaining(), self._read_lock:
            self._writer.close()
            for connection in self._connections[1:]:
                connection.close()

    def _found(self) -> tuple[int, int] | None:
        """Return the device and inode of the file at the path, if there is one."""
        try:
            found = os.stat(self.path)
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def _check_file(self) -> None:
        """Raise if the path has another file: with two files, a success is delivered twice."""
        if self._found() != self._file:
            raise unavailable(self.path, "was moved, removed or replaced; restart the facilitator")

    def _connect(self) -> sqlite3.Connection:
        """Return a further connection in autocommit mode, which :meth:`close` closes."""
        connection = sqlite3.connect(
            self.path, timeout=self._busy_seconds, isolation_level=None, check_same_thread=False
        )
        self._connections.append(connection)
        return connection

    @contextmanager
    def _explaining(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, DamagedRow) as error:
            raise explained(self.path, error) from error

    def _adopt(self, connection: sqlite3.Connection) -> None:
        """Refuse a file of another program before any change; migrate a file of this one."""
        self._version(connection)
        self._use_log(connection)
        connection.execute("BEGIN IMMEDIATE")
        for version, step in list(enumerate(STEPS, start=1))[self._version(connection) :]:
            for statement in step:
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {version}")
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute("COMMIT")

    def _version(self, connection: sqlite3.Connection) -> int:
        # One statement, so that another process may make the tables meanwhile.
        version, application, tables = connection.execute(
            "SELECT user_version, application_id, (SELECT count(*) FROM sqlite_schema)"
            " FROM pragma_user_version, pragma_application_id"
        ).fetchone()
        if application != APPLICATION_ID and (version or application or tables):
            raise unavailable(self.path, "belongs to another program; set sqlite.path to another")
        if version > len(STEPS):
            raise unavailable(
                self.path,
                f"was written by a newer facilitator (its schema is {version}, this one knows"
                f" {len(STEPS)}); upgrade this one",
            )
        return int(version)

    def _use_log(self, connection: sqlite3.Connection) -> None:
        """Switch to WAL mode; SQLite refuses processes that do so at once, without a wait."""
        deadline = time.monotonic() + self._busy_seconds
        while True:
            try:
                (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
                break
            except sqlite3.OperationalError as error:
                is_busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
                if not is_busy or time.monotonic() > deadline:
                    raise
                time.sleep(_RETRY_SECONDS)
        if mode != "wal":
            raise unavailable(
                self.path, "must be on a local disk: it cannot have a write-ahead log"
            )
