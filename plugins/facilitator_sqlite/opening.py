"""Opening the file: refused if it is another program's or has lost records, else migrated.

The journal mode in the file's header says if it was closed. While it is open the mode is WAL. The
last process to close it, and the first to open it after a crash, fold the log into the file and
leave that mode. SQLite allows this only to a process that is alone.
"""

import random
import sqlite3
import time

from facilitator_sqlite.backup import back_up, read_state
from facilitator_sqlite.conversion import add_functions
from facilitator_sqlite.errors import get_primary_code, unavailable
from facilitator_sqlite.files import Files
from facilitator_sqlite.log_size import read_log_size
from facilitator_sqlite.marks import Marks
from facilitator_sqlite.schema import APPLICATION_ID, COUNTED_FROM, STEPS

_RETRY_SECONDS = 0.01


def connect(path: str, busy_seconds: float) -> sqlite3.Connection:
    """Return a connection in autocommit mode that any thread may use."""
    return sqlite3.connect(
        path, timeout=busy_seconds, isolation_level=None, check_same_thread=False
    )


def open_file(
    files: Files, marks: Marks, busy_seconds: float, *, is_trial: bool = False
) -> sqlite3.Connection:
    """Return the first connection, once the file is in WAL mode and its records are all there.

    The file is noted as shared if others use it, except for a trial, which soon ends.

    Raises :class:`~facilitator.roles.storage.StorageUnavailable` and :class:`sqlite3.Error`.
    """
    files.create()
    deadline = time.monotonic() + busy_seconds
    while True:
        connection = connect(files.path, busy_seconds)
        try:
            if _take(connection, files, marks, busy_seconds, is_trial=is_trial):
                return connection
        except BaseException:
            connection.close()
            raise
        connection.close()
        if time.monotonic() > deadline:
            raise unavailable(
                files.path,
                "is kept open by another process, or by one whose files were removed or replaced;"
                " stop every process that uses it",
            )
        time.sleep(_RETRY_SECONDS * (1 + random.random()))  # noqa: S311 -- no secret


def leave_file(connection: sqlite3.Connection, marks: Marks) -> None:
    """Mark the file as closed, if no other process uses it."""
    if _fold(connection) and _has_begun_alone(connection):
        marks.end()
        connection.execute("COMMIT")


def _take(
    connection: sqlite3.Connection,
    files: Files,
    marks: Marks,
    busy_seconds: float,
    *,
    is_trial: bool,
) -> bool:
    """Return True if the connection may be used; False to try it again."""
    _verify(connection, files, marks)
    files.make_private()
    is_alone = _fold(connection)
    if is_alone and not _begin(connection, files, marks):
        return False
    # From here on, the connection keeps the log and its index open: their inodes stay theirs.
    if _read_version(connection, files.path) != len(STEPS) or _read_mode(connection) != "wal":
        return False
    found = files.find_identity()
    if found is None or found != marks.find_identity():
        return False
    if not (is_alone or is_trial):
        files.check_log(lambda: read_log_size(connection, busy_seconds))
        connection.execute("UPDATE file_state SET is_shared = 1")
    return True


def _verify(connection: sqlite3.Connection, files: Files, marks: Marks) -> None:
    """Raise ``StorageUnavailable`` if the file may lack commits that were acknowledged."""
    newest = marks.read_newest()  # first: what the file has is no older
    is_counted = _read_version(connection, files.path) >= COUNTED_FROM
    commits = _read_commits(connection) if is_counted else 0
    if newest is not None and commits < newest:
        complaint = "has lost its newest records, or a -wal that had them was removed"
    elif is_counted and _read_mode(connection) == "wal" and marks.read_newest() is None:
        complaint = "was not closed, and its -mark was removed or cut"
    else:
        return
    raise unavailable(
        files.path,
        f"{complaint}; bring back what is missing, or stop the facilitator, move away all files"
        " whose names begin like this one's, and start with a new one",
    )


def _read_commits(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT commits FROM file_state").fetchone()[0])


def _read_version(connection: sqlite3.Connection, path: str) -> int:
    # One statement, so that another process may make the tables meanwhile.
    version, application, tables = connection.execute(
        "SELECT user_version, application_id, (SELECT count(*) FROM sqlite_schema)"
        " FROM pragma_user_version, pragma_application_id"
    ).fetchone()
    if application != APPLICATION_ID and (version or application or tables):
        raise unavailable(path, "belongs to another program; set sqlite.path to another")
    if version > len(STEPS):
        raise unavailable(
            path,
            f"was written by a newer facilitator (its schema is {version}, this one knows"
            f" {len(STEPS)}); upgrade this one, or go back to a copy {path}-version-… that the"
            " newer one has kept, without the payments since",
        )
    return int(version)


def _read_mode(connection: sqlite3.Connection) -> str:
    return str(connection.execute("PRAGMA journal_mode").fetchone()[0])


def _fold(connection: sqlite3.Connection) -> bool:
    """Fold the log into the file and leave WAL mode; return False if others use the file."""
    return _switch(connection, "delete")


def _switch(connection: sqlite3.Connection, mode: str) -> bool:
    """Change the journal mode; return False if others prevent it."""
    try:
        (found,) = connection.execute(f"PRAGMA journal_mode = {mode}").fetchone()
    except sqlite3.OperationalError as error:
        if get_primary_code(error) != sqlite3.SQLITE_BUSY:
            raise
        return False
    return bool(found == mode)


def _has_begun_alone(connection: sqlite3.Connection) -> bool:
    """Begin a transaction that keeps all others out; return False if others use the log."""
    try:
        connection.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError as error:
        if get_primary_code(error) != sqlite3.SQLITE_BUSY:
            raise
        return False
    if _read_mode(connection) == "delete":  # else another process was faster
        return True
    connection.execute("ROLLBACK")
    return False


def _begin(connection: sqlite3.Connection, files: Files, marks: Marks) -> bool:
    """Migrate the file and enter WAL mode; return False if another process was faster.

    A file of a former version is copied first.
    """
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")  # has an effect on a new file only
    former = _read_version(connection, files.path)
    kept = back_up(connection, files.path, former) if 0 < former < len(STEPS) else None
    if not _has_begun_alone(connection):
        return False
    if kept is not None and read_state(connection) != kept:  # the copy lacks what was written since
        connection.execute("ROLLBACK")
        return False
    add_functions(connection)
    for version, step in list(enumerate(STEPS, start=1))[_read_version(connection, files.path) :]:
        for statement in step:
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {version}")
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute("UPDATE file_state SET least_pages = NULL, is_shared = 0")
    marks.begin(_read_commits(connection))
    connection.execute("COMMIT")
    if not _enter_log(connection, files.path):
        return False
    connection.execute("UPDATE file_state SET commits = commits + 1")  # so that there is a log
    found = files.find_identity()
    if found is not None:
        marks.name_log(found)
    return found is not None


def _enter_log(connection: sqlite3.Connection, path: str) -> bool:
    """Switch to WAL mode; return False if others use the file meanwhile."""
    try:
        (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
    except sqlite3.OperationalError as error:
        if get_primary_code(error) != sqlite3.SQLITE_BUSY:
            raise
        return False
    if mode != "wal":
        raise unavailable(path, "must be on a local disk: it cannot have a write-ahead log")
    return True
