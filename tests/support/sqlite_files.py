"""SQLite files, as the tests look at them from outside."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from facilitator.roles.storage import StorageUnavailable
from facilitator_sqlite.storage import SqliteStorage

PAGE = 4096


def complaint(path: Path | str, busy_seconds: float = 0.05) -> str:
    """Return the operator's sentence about a file that is refused; it must name the file."""
    with pytest.raises(StorageUnavailable) as caught:
        SqliteStorage(str(path), busy_seconds)
    assert str(path) in caught.value.detail
    assert not str(path) or str(path) not in str(caught.value)
    return caught.value.detail


def run_sql(path: Path, *statements: str) -> None:
    """Run the statements by another connection than the storage's."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


def note_shared(path: Path) -> None:
    """Have the storage keep all reservations in the file, as when a second process opens it."""
    run_sql(path, "UPDATE file_state SET is_shared = 1")


def ask_sql(path: Path, query: str) -> Any:
    """Return the first row that another connection than the storage's finds."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        return connection.execute(query).fetchone()
