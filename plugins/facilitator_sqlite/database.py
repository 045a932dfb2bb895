"""The file: its connections, their transactions, and the checks before it is used."""

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from facilitator_sqlite.errors import DamagedRow, explained, unavailable
from facilitator_sqlite.schema import APPLICATION_ID, STEPS

_RETRY_SECONDS = 0.01


class Database:
    """One connection that reads and one that writes, each used by one thread at a time.

    In WAL mode neither waits for the other. Open it after forking, never before: a connection must
    not be carried into a child process. Everything raises
    :class:`~facilitator.roles.storage.StorageUnavailable`.
    """

    def __init__(self, path: str, busy_seconds: float) -> None:
        """Open the file, or make it; a write waits ``busy_seconds`` for other processes' writes."""
        if path in ("", ":memory:"):
            raise unavailable(repr(path), "would not be kept; enable the plugin 'memory' instead")
        if sqlite3.sqlite_version_info < (3, 37):  # the first with STRICT tables
            complaint = f"needs SQLite 3.37 or newer, this Python has {sqlite3.sqlite_version}"
            raise unavailable(path, complaint)
        self.path = str(Path(path).absolute())
        self._busy_seconds = busy_seconds
        self._read_lock = threading.Lock()
        self._write_lock = threading.Lock()
        self._level = ""
        """What ``PRAGMA synchronous`` was last set to."""
        self._connections: list[sqlite3.Connection] = []
        try:
            with self._explaining():
                self._writer = self.connect()
                self._adopt()
                self._reader = self.connect()
        except BaseException:
            self.close()
            raise

    def connect(self) -> sqlite3.Connection:
        """A further connection, which :meth:`close` closes; transactions are up to its user."""
        connection = sqlite3.connect(
            self.path, timeout=self._busy_seconds, isolation_level=None, check_same_thread=False
        )
        self._connections.append(connection)
        connection.execute("PRAGMA foreign_keys = ON")
        return connection

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection for one statement that reads what is committed."""
        with self._explaining(), self._read_lock:
            yield self._reader

    @contextmanager
    def writing(self, *, durable: bool) -> Iterator[sqlite3.Connection]:
        """A transaction that no other write is concurrent with, committed when the block ends.

        The end of this or any process never undoes it. A loss of power may undo it unless it, or
        one committed after it, was ``durable``.
        """
        with self._explaining(), self._turn_to_write(durable=durable), self._transaction():
            yield self._writer

    @contextmanager
    def writing_once(self) -> Iterator[sqlite3.Connection]:
        """A connection for one statement, which is a transaction of its own and not durable."""
        with self._explaining(), self._turn_to_write(durable=False):
            yield self._writer

    def close(self) -> None:
        """Close all connections; the last one of all processes folds the log into the file."""
        with self._explaining(), self._write_lock, self._read_lock:
            for connection in self._connections:
                connection.close()

    @contextmanager
    def _turn_to_write(self, *, durable: bool) -> Iterator[None]:
        # Threads wait for each other here and not in SQLite, which polls with growing pauses.
        if not self._write_lock.acquire(timeout=self._busy_seconds):
            raise unavailable(self.path, "is too busy; use a faster disk")
        try:
            # FULL syncs the log at each commit, as a claim must be on the disk before the
            # transaction is sent: forgotten, its success could be told twice. NORMAL leaves that to
            # checkpoints, which is ten times as fast and loses at most what is short-lived anyway.
            level = "FULL" if durable else "NORMAL"
            if level != self._level:
                self._writer.execute(f"PRAGMA synchronous = {level}")
                self._level = level
            yield
        finally:
            self._write_lock.release()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._writer.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._writer.execute("COMMIT")
        except BaseException:
            if self._writer.in_transaction:  # some errors have rolled it back already
                self._writer.execute("ROLLBACK")
            raise

    @contextmanager
    def _explaining(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, DamagedRow) as error:
            raise explained(self.path, error) from error

    def _adopt(self) -> None:
        """Refuse a file that is not ours before it is changed; bring ours up to date."""
        self._version()
        self._use_log()
        with self._transaction():
            for version, step in list(enumerate(STEPS, start=1))[self._version() :]:
                for statement in step:
                    self._writer.execute(statement)
                self._writer.execute(f"PRAGMA user_version = {version}")
                self._writer.execute(f"PRAGMA application_id = {APPLICATION_ID}")

    def _version(self) -> int:
        # One statement, so that another process may make the tables meanwhile.
        version, application, tables = self._writer.execute(
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

    def _use_log(self) -> None:
        """Switch to WAL mode; processes that do so at once are refused without being waited for."""
        deadline = time.monotonic() + self._busy_seconds
        while True:
            try:
                (mode,) = self._writer.execute("PRAGMA journal_mode = WAL").fetchone()
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
