"""Records in a file of SQLite, for one machine: any number of threads and processes."""

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from facilitator_channels.seller.store import StoreUnavailable

_APPLICATION_ID = 0x78343032  # "x402"
_VERSION = 1
_TABLE = "CREATE TABLE channels (channel_id TEXT PRIMARY KEY, record BLOB NOT NULL) STRICT"
_READ = "SELECT record FROM channels WHERE channel_id = ?"
_PAGE = "SELECT channel_id, record FROM channels WHERE channel_id > ? ORDER BY channel_id LIMIT 200"
_INSERT = "INSERT INTO channels VALUES (?, ?) ON CONFLICT DO NOTHING"
_UPDATE = "UPDATE channels SET record = ? WHERE channel_id = ? AND record = ?"
_DELETE = "DELETE FROM channels WHERE channel_id = ? AND record = ?"


class SqliteStore:
    """A :class:`~facilitator_channels.seller.store.ChannelStore` in one file.

    Open it after forking: a connection must not be carried into a child process.
    """

    def __init__(self, path: str, busy_seconds: float = 5.0) -> None:
        """Open or create the file; a change waits ``busy_seconds`` for other processes' changes.

        Raises :class:`StoreUnavailable`.
        """
        self._path = str(Path(path).absolute())
        if path in ("", ":memory:"):
            raise StoreUnavailable("SQLite keeps nothing without a file; name one")
        self._writing, self._reading = threading.Lock(), threading.Lock()
        with self._explaining():
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600))
            self._process = os.getpid()
            self._inode = os.stat(self._path).st_ino
            self._writer = self._connect(busy_seconds)
            try:
                self._prepare()
                self._reader = self._connect(busy_seconds)
            except BaseException:
                self._writer.close()
                raise
        self._is_durable = True

    def read(self, channel_id: str) -> bytes | None:
        """Return the newest record; ``None`` if there is none."""
        with self._reading, self._explaining():
            row = self._reader.execute(_READ, (channel_id,)).fetchone()
        return None if row is None else row[0]

    def replace(
        self, channel_id: str, old: bytes | None, new: bytes | None, *, durable: bool
    ) -> bool:
        """Put ``new`` in the place of ``old``, if that is the record; return True if it was.

        Another one is written to the log without waiting for the disk. The next durable one waits
        for both.
        """
        if old is None and new is None:
            return self.read(channel_id) is None
        with self._writing, self._explaining():
            self._wait_for_disk(durable)
            if old is None:
                changed = self._writer.execute(_INSERT, (channel_id, new))
            elif new is None:
                changed = self._writer.execute(_DELETE, (channel_id, old))
            else:
                changed = self._writer.execute(_UPDATE, (new, channel_id, old))
            self._check_file()
            return changed.rowcount == 1

    def scan(self) -> Iterator[bytes]:
        """Yield each record, by pages."""
        last = ""
        while True:
            with self._reading, self._explaining():
                rows = self._reader.execute(_PAGE, (last,)).fetchall()
            if not rows:
                return
            last = rows[-1][0]
            yield from (record for _, record in rows)

    def close(self) -> None:
        """Close both connections."""
        with self._writing, self._reading:
            self._reader.close()
            self._writer.close()

    def _connect(self, busy_seconds: float) -> sqlite3.Connection:
        return sqlite3.connect(
            self._path, timeout=busy_seconds, isolation_level=None, check_same_thread=False
        )

    def _prepare(self) -> None:
        """Make the table, in a new file; refuse another program's."""
        self._writer.execute("PRAGMA journal_mode = WAL").fetchone()
        self._writer.execute("PRAGMA synchronous = FULL")
        self._writer.execute("BEGIN IMMEDIATE")
        try:
            (application,) = self._writer.execute("PRAGMA application_id").fetchone()
            (version,) = self._writer.execute("PRAGMA user_version").fetchone()
            (tables,) = self._writer.execute("SELECT count(*) FROM sqlite_schema").fetchone()
            if not tables and not application:
                self._writer.execute(_TABLE)
                self._writer.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
                self._writer.execute(f"PRAGMA user_version = {_VERSION}")
            elif (application, version) != (_APPLICATION_ID, _VERSION):
                raise StoreUnavailable(
                    f"{self._path} is another program's file, or of another version; name a new one"
                )
        except BaseException:
            self._writer.execute("ROLLBACK")
            raise
        self._writer.execute("COMMIT")

    def _wait_for_disk(self, durable: bool) -> None:
        if durable is not self._is_durable:
            self._writer.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            self._is_durable = durable

    def _check_file(self) -> None:
        """Raise :class:`StoreUnavailable` if what was written can be found by no other process."""
        if os.stat(self._path).st_ino != self._inode:
            raise StoreUnavailable(f"{self._path} was replaced; stop, and bring the file back")

    @contextmanager
    def _explaining(self) -> Iterator[None]:
        if getattr(self, "_process", os.getpid()) != os.getpid():
            raise StoreUnavailable("the file was opened before a fork; open it in each process")
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise StoreUnavailable(f"{self._path} cannot be used: {error}") from error
