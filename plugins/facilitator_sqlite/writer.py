"""Writes to the file: operations that wait are committed together.

A commit may wait for the disk. Threads that come meanwhile queue their operations. After the
commit, one of them runs all queued operations in one transaction. Each thread continues only after
the commit that holds its change, so that results are as if the operations ran one after the other.
"""

import sqlite3
import threading
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from facilitator.plugin import pausing

Operation: TypeAlias = Callable[[sqlite3.Connection], Any]
"""A function that reads and writes in a transaction, which may be undone, and is run again then."""


class TooBusy(Exception):
    """Other writes took too long; the operation was not run."""


class _Write:
    """An operation and its outcome."""

    def __init__(self, operation: Operation, *, durable: bool, is_statement: bool) -> None:
        self.operation = operation
        self.durable = durable
        self.is_statement = is_statement
        self.leads = False
        """True if its thread is to commit the queue, including this operation."""
        self.result: Any = None
        self.error: BaseException | None = None
        self.woken: threading.Lock | None = None
        """Held until the operation is committed, has failed, or leads, if it has to wait."""

    def wait(self, seconds: float) -> bool:
        """Wait for that; return False if it takes longer. Negative seconds have no end."""
        return self.woken is None or self.woken.acquire(timeout=seconds)

    def wake(self) -> None:
        """End the wait."""
        if self.woken is not None:
            self.woken.release()


class Writer:
    """The connection that writes, used by one thread at a time for the whole queue."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        wait_seconds: float,
        *,
        before: Callable[[], None],
        count: Callable[[sqlite3.Connection], int],
        after: Callable[[int | None], None],
    ) -> None:
        """Take a connection in autocommit mode.

        Args:
            connection: Used by one thread at a time.
            wait_seconds: The longest time until an operation begins.
            before: Called before each commit.
            count: Called in each transaction that changes something, except a single statement;
                returns its number.
            after: Called with the number of a durable change, or with ``None``, before the commit
                is acknowledged.
        """
        self._connection = connection
        self._wait_seconds = wait_seconds
        self._before = before
        self._count = count
        self._after = after
        self._level = ""
        """The last value of ``PRAGMA synchronous``."""
        self._lock = threading.Lock()
        self._is_led = False
        self._waiting: list[_Write] = []
        self._committing = threading.Lock()

    def write(self, operation: Operation, *, durable: bool, is_statement: bool = False) -> Any:
        """Commit the operation and return its result; undo it if it raises.

        Args:
            operation: The reads and writes.
            durable: True if it must survive a loss of power, not only the end of the process.
            is_statement: True for a single statement, which is a transaction by itself.

        Raises:
            TooBusy: It did not get its turn in time.
            Exception: The error of the operation, or of the commit.
        """
        own = _Write(operation, durable=durable, is_statement=is_statement)
        with self._lock:
            self._waiting.append(own)
            own.leads, self._is_led = not self._is_led, True
            if not own.leads:
                own.woken = threading.Lock()
                own.woken.acquire()
        with pausing():  # others may come to write meanwhile, and are committed together
            if own.woken is not None:
                self._wait(own)
            if own.leads:
                self._lead()
        if own.error is not None:
            raise own.error
        return own.result

    def close(self, leave: Callable[[sqlite3.Connection], None]) -> None:
        """After the current commit call ``leave``, and close the connection."""
        with self._committing:
            try:
                leave(self._connection)
            finally:
                self._connection.close()

    def _wait(self, own: _Write) -> None:
        """Wait until the operation is committed, has failed, or leads."""
        if own.wait(self._wait_seconds):
            return
        with self._lock:
            if own in self._waiting and not own.leads:
                self._waiting.remove(own)
                raise TooBusy
        own.wait(-1)  # it is under way

    def _lead(self) -> None:
        """Commit the queue, and let the first operation that came meanwhile lead."""
        with self._lock:
            group, self._waiting = self._waiting, []
        try:
            with self._committing:
                self._commit(group)
        except BaseException as error:
            for write in group:
                write.error = error
        with self._lock:
            woken = [*self._waiting[:1], *group]
            self._is_led = bool(self._waiting)
            for write in self._waiting[:1]:
                write.leads = True
        for write in woken:
            write.wake()

    def _commit(self, group: Sequence[_Write]) -> None:
        """Run all in one transaction. Raises if none of it is acknowledged."""
        self._before()
        try:
            is_durable = any(write.durable for write in group)
            self._synchronize(durable=is_durable)
            if len(group) == 1 and group[0].is_statement:
                group[0].result = group[0].operation(self._connection)
                commits = None
            else:
                self._connection.execute("BEGIN IMMEDIATE")
                changes = self._connection.total_changes
                self._run(group)
                is_changed = self._connection.total_changes != changes
                commits = self._count(self._connection) if is_changed else None
                self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:  # some errors have rolled it back
                self._connection.execute("ROLLBACK")
            raise
        self._after(commits if is_durable else None)

    def _run(self, group: Sequence[_Write]) -> None:
        """Run the operations. If one fails, which is rare, all are run again, each for itself."""
        try:
            for write in group:
                write.result = write.operation(self._connection)
        except Exception:
            if len(group) == 1 or not self._connection.in_transaction:
                raise
            self._connection.execute("ROLLBACK")
            self._connection.execute("BEGIN IMMEDIATE")
            for write in group:
                self._run_apart(write)

    def _run_apart(self, write: _Write) -> None:
        """Run the operation; undo it without the others if it fails."""
        self._connection.execute("SAVEPOINT write")
        try:
            write.result = write.operation(self._connection)
        except Exception as error:
            if not self._connection.in_transaction:
                raise
            write.error = error
            self._connection.execute("ROLLBACK TO write")
        self._connection.execute("RELEASE write")

    def _synchronize(self, *, durable: bool) -> None:
        # FULL syncs the log at each commit: a claim must be on the disk before its transaction is
        # sent. If it were lost, its success could be delivered twice. NORMAL leaves the sync to
        # checkpoints, which is ten times as fast and loses only short-lived records.
        level = "FULL" if durable else "NORMAL"
        if level != self._level:
            self._connection.execute(f"PRAGMA synchronous = {level}")
            self._level = level
