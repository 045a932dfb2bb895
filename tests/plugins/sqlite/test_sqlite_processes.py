import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from facilitator.testing.examples import example_claim
from facilitator_sqlite.storage import SqliteStorage
from support.hammering import assert_agreed, compete, written_until_killed


def test_processes_that_share_a_file_agree(tmp_path: Path) -> None:
    path = str(tmp_path / "facilitator.db")
    told = compete(path)
    with closing(SqliteStorage(path)) as storage:
        assert_agreed(told, storage)


@pytest.mark.parametrize("task", ["write", "crowd"])
@pytest.mark.parametrize("lines", [1, 60, 201])
def test_a_killed_process_loses_nothing_it_acknowledged(
    tmp_path: Path, lines: int, task: str
) -> None:
    path = str(tmp_path / "facilitator.db")
    acknowledged = written_until_killed(path, lines, task)

    with closing(SqliteStorage(path)) as storage:
        for transaction_id, version in acknowledged.items():
            claim = storage.claim(transaction_id)
            assert claim is not None
            assert claim.version >= version
        new = example_claim(transaction_id="c9" * 32)
        assert storage.add_claim(new) == new
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
