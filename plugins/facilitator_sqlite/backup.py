"""The copy of a file that is kept before its schema is changed."""

import logging
import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

_PRIVATE = 0o600

_log = logging.getLogger("facilitator.sqlite")


def back_up(connection: sqlite3.Connection, path: str, version: int) -> int:
    """Copy the file as ``<path>-version-<version>``; return the state that was copied.

    :func:`read_state` returns the same as long as no other process has written to the file. A copy
    of the same version is replaced, since the file is newer. Raises :class:`sqlite3.Error`.
    """
    copy, unfinished = f"{path}-version-{version}", f"{path}-version-{version}-unfinished"
    try:
        with suppress(FileNotFoundError):
            os.remove(unfinished)
        os.close(os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _PRIVATE))
        state = read_state(connection)
        with closing(sqlite3.connect(unfinished)) as target:
            connection.backup(target)
        os.replace(unfinished, copy)
    except OSError as error:
        raise sqlite3.OperationalError(f"no copy of it can be made: {error}") from error
    finally:
        Path(unfinished).unlink(missing_ok=True)
    _log.info("%s had schema %d; a copy as it was is kept as %s", path, version, copy)
    return state


def read_state(connection: sqlite3.Connection) -> int:
    """Return a number that changes when another connection writes to the file."""
    return int(connection.execute("PRAGMA data_version").fetchone()[0])
