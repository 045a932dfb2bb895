"""The opening of the file, which several processes may make at once."""

import os
import sqlite3
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

_OPEN_SECONDS = 10.0
_RETRY_SECONDS = 0.01
_PRIVATE = 0o600


def open_file(path: str, statements: Sequence[str], busy_seconds: float) -> sqlite3.Connection:
    """Return a connection for any thread; the file is made for this user alone.

    A write waits ``busy_seconds`` for those of others. Raises :class:`sqlite3.Error`, and
    :class:`OSError` for a folder that is not there.
    """
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _PRIVATE))
    deadline = time.monotonic() + _OPEN_SECONDS
    while True:
        connection = sqlite3.connect(
            Path(path).absolute(),
            timeout=busy_seconds,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            for statement in ("PRAGMA journal_mode = WAL", *statements):
                connection.execute(statement)
        except sqlite3.Error as error:
            connection.close()
            # SQLite waits for no one while another process turns the file to WAL.
            is_busy = isinstance(error, sqlite3.OperationalError)
            if not is_busy or time.monotonic() > deadline:
                raise
            time.sleep(_RETRY_SECONDS)
        else:
            return connection
