"""The size that the log must have, as SQLite knows it."""

import sqlite3
import time

_RETRY_SECONDS = 0.01
_LOG_HEADER_SIZE = 32
_FRAME_HEADER_SIZE = 24


def read_log_size(connection: sqlite3.Connection, busy_seconds: float) -> int:
    """Return the smallest size in bytes, by a checkpoint: it shows the number of pages in the log.

    Raises :class:`sqlite3.Error`, also when other processes' checkpoints take longer than that.
    """
    deadline = time.monotonic() + busy_seconds
    while (size := _read_size(connection)) is None:
        if time.monotonic() > deadline:
            raise sqlite3.OperationalError("checkpoints take too long")
        time.sleep(_RETRY_SECONDS)
    return size


def _read_size(connection: sqlite3.Connection) -> int | None:
    """Return the size in bytes; ``None`` while another process makes a checkpoint."""
    (page,) = connection.execute("PRAGMA page_size").fetchone()
    _, frames, _ = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    if frames < 0:
        return None
    return int(_LOG_HEADER_SIZE + frames * (_FRAME_HEADER_SIZE + page)) if frames else 0
