"""The file: its connections, and the checks around each use."""

import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from facilitator.plugin import StorageUnavailable
from facilitator_sqlite.errors import (
    DamagedRow,
    describe_error,
    get_primary_code,
    too_busy,
    unavailable,
)
from facilitator_sqlite.files import Files
from facilitator_sqlite.log_size import read_log_size
from facilitator_sqlite.marks import Marks
from facilitator_sqlite.opening import connect, leave_file, open_file
from facilitator_sqlite.writer import TooBusy, Writer

T = TypeVar("T")

# By the one row's id, and without RETURNING: else SQLite makes a table in memory for each of them.
_COUNT = "UPDATE file_state SET commits = ? WHERE rowid = 1 AND commits = ?"
_COMMITS = "SELECT commits FROM file_state WHERE rowid = 1"
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_PING = "SELECT count(*) FROM sqlite_schema"
_LEAST = """
    SELECT page_size * min(page_count, coalesce(least_pages, page_count))
    FROM file_state, pragma_page_count, pragma_page_size
"""
_SHORT_READERS = 4


class _Reader:
    """A connection that reads, used by one thread at a time."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self.lock = threading.Lock()
        self.query(lambda each: each.execute("SELECT 1 FROM file_state").fetchone())

    def query(self, query: Callable[[sqlite3.Connection], T]) -> T:
        with self.lock:
            return query(self.connection)

    def close(self) -> None:
        with self.lock:
            self.connection.close()


class _Readers:
    """Connections that read. A free one is taken, so that short queries seldom wait."""

    def __init__(self, readers: Sequence[_Reader]) -> None:
        self._readers = tuple(readers)

    def query(self, query: Callable[[sqlite3.Connection], T]) -> T:
        for reader in self._readers:
            if reader.lock.acquire(blocking=False):
                try:
                    return query(reader.connection)
                finally:
                    reader.lock.release()
        return self._readers[0].query(query)

    def close(self) -> None:
        for reader in self._readers:
            reader.close()


class _Sizes:
    """The sizes of the files, by a connection."""

    def __init__(self, reader: _Readers, busy_seconds: float) -> None:
        self._reader = reader
        self._busy_seconds = busy_seconds

    def read_least_size(self) -> int:
        """Return that of the file: see ``schema.VERSION_5``."""
        return self._reader.query(lambda each: int(each.execute(_LEAST).fetchone()[0]))

    def read_log_size(self) -> int:
        """Return that of the log."""
        return self._reader.query(lambda each: read_log_size(each, self._busy_seconds))


class _Counter:
    """Counts the commits: their number is in the file, which other processes change too."""

    def __init__(self) -> None:
        self._newest = 0
        """The newest one, unless another process made one since, or it failed."""

    def count(self, connection: sqlite3.Connection) -> int:
        """Return the number of the commit that is about to be made."""
        newest = self._newest
        if not connection.execute(_COUNT, (newest + 1, newest)).rowcount:
            (newest,) = connection.execute(_COMMITS).fetchone()
            connection.execute(_COUNT, (newest + 1, newest))
        self._newest = newest + 1
        return self._newest


class Database:
    """Connections that read and one that writes, each used by one thread at a time.

    In WAL mode none waits for another. Open it after forking, never before: a connection must not
    be carried into a child process. Every method raises
    :class:`~facilitator.roles.storage.StorageUnavailable`.
    """

    def __init__(self, path: str, busy_seconds: float, *, is_trial: bool = False) -> None:
        """Open or create the file; a write waits ``busy_seconds`` for other processes' writes.

        ``is_trial`` is true for one that is closed soon, and need not be noticed by others.
        """
        if path in ("", ":memory:"):
            raise unavailable(repr(path), "would not be kept; enable the plugin 'memory' instead")
        if sqlite3.sqlite_version_info < (3, 37):  # the first with STRICT tables
            complaint = f"needs SQLite 3.37 or newer, this Python has {sqlite3.sqlite_version}"
            raise unavailable(path, complaint)
        self.path = str(Path(path).absolute())
        self._files = Files(self.path)
        self._marks = Marks(self._files)
        self._connections: list[sqlite3.Connection] = []
        self._is_closed = False
        try:
            with self._explaining():
                self._open(busy_seconds, is_trial=is_trial)
        except BaseException:
            self._files.close()
            self._marks.close()
            for connection in self._connections:
                connection.close()
            raise

    def read(
        self,
        query: Callable[[sqlite3.Connection], T],
        *,
        is_long: bool = False,
        is_advice: bool = False,
    ) -> T:
        """Run the query on the committed state; return its result.

        ``is_long`` keeps other reads from waiting for it. One of ``is_advice`` follows another
        one, and looks only for what would crash it.
        """
        reader = self._long_reader if is_long else self._short_readers
        return self._read(reader, query, is_advice=is_advice)

    def read_ledger(self, query: Callable[[sqlite3.Connection], T]) -> T:
        """Run a query of the payment ledger, which no other read waits for; return its result."""
        return self._read(self._ledger_reader, query)

    def _read(
        self,
        reader: "_Reader | _Readers",
        query: Callable[[sqlite3.Connection], T],
        *,
        is_advice: bool = False,
    ) -> T:
        if is_advice:
            self._files.check_before()
        else:
            self._files.check()
        try:
            return reader.query(query)
        except (sqlite3.Error, DamagedRow) as error:
            raise self._explained(error) from error

    def write(
        self,
        operation: Callable[[sqlite3.Connection], T],
        *,
        durable: bool,
        is_statement: bool = False,
    ) -> T:
        """Commit the operation; return its result. See :meth:`Writer.write`.

        The end of this or any process never undoes it. A loss of power may undo it unless it, or
        one committed after it, was ``durable``. A durable one is not a single statement.
        """
        try:
            result: T = self._writer.write(operation, durable=durable, is_statement=is_statement)
        except TooBusy:
            raise too_busy(self.path) from None
        except (sqlite3.Error, DamagedRow) as error:
            raise self._explained(error) from error
        return result

    def count_openings(self) -> int:
        """Return how often the file was opened since it was opened first, without a statement."""
        try:
            return self._marks.count_slots()
        except OSError as error:
            raise self._unusable(error) from error

    def ping(self) -> None:
        """Check the files, and that they can be read and written."""
        self._files.check_mark()
        self.write(lambda each: each.execute(_PING).fetchone(), durable=False)

    def close(self) -> None:
        """Close all connections; the last one of all processes folds the log into the file."""
        if self._is_closed:
            return
        self._is_closed = True
        with self._explaining():
            is_complete = self._files.are_complete()
            if not is_complete:
                self._files.mend_index()  # which closing reads
            self._short_readers.close()
            self._long_reader.close()
            self._ledger_reader.close()
            self._writer.close(self._leave if is_complete else _stay)
        self._files.close()
        self._marks.close()

    def _open(self, busy_seconds: float, *, is_trial: bool) -> None:
        first = open_file(self._files, self._marks, busy_seconds, is_trial=is_trial)
        self._connections.append(first)
        readers = [_Reader(self._connect(busy_seconds)) for _ in range(_SHORT_READERS + 2)]
        self._long_reader, self._ledger_reader, *short = readers
        self._short_readers = _Readers(short)
        self._marks.join()
        self._files.adopt(_Sizes(self._short_readers, busy_seconds))
        self._writer = Writer(
            first,
            busy_seconds,
            before=self._files.check_before,
            count=_Counter().count,
            after=self._acknowledge,
        )

    def _connect(self, busy_seconds: float) -> sqlite3.Connection:
        connection = connect(self.path, busy_seconds)
        self._connections.append(connection)
        return connection

    def _acknowledge(self, commits: int | None) -> None:
        """Check the files after a commit; one of claims is marked before.

        A process that opens the file later finds the mark, or else a file is missing here already.
        """
        if commits is not None:
            try:
                self._marks.acknowledge(commits)
            except OSError as error:
                raise self._unusable(error) from error
            self._files.check_mark()
        self._files.check()

    def _leave(self, connection: sqlite3.Connection) -> None:
        """Mark the file as closed, or log why that cannot be done."""
        try:
            leave_file(connection, self._marks)
        except sqlite3.Error as error:
            with suppress(StorageUnavailable):
                self._files.distrust(*describe_error(error))

    @contextmanager
    def _explaining(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise self._explained(error) from error
        except OSError as error:
            raise self._unusable(error) from error

    def _unusable(self, error: OSError) -> StorageUnavailable:
        return unavailable(self.path, f"cannot be used: {error}")

    def _explained(self, error: sqlite3.Error | DamagedRow) -> StorageUnavailable:
        """Return the error; a file that SQLite finds damaged is used no more."""
        fault = describe_error(error)
        try:
            self._files.check()
            if isinstance(error, sqlite3.Error) and get_primary_code(error) in _DAMAGED:
                self._files.distrust(*fault)
        except StorageUnavailable as known:
            return known
        return unavailable(self.path, *fault)


def _stay(_: sqlite3.Connection) -> None:
    """Leave the file marked as open: the next start looks for what it has lost."""
