"""A storage in a new file."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from facilitator_sqlite.storage import SqliteStorage


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "facilitator.db"


@pytest.fixture
def storage(path: Path) -> Iterator[SqliteStorage]:
    storage = SqliteStorage(str(path), busy_seconds=0.05)
    yield storage
    storage.close()
