import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from facilitator.roles.claim import ClaimState
from facilitator.roles.storage import Storage, StorageUnavailable
from facilitator.testing.examples import example_claim, example_reservation
from facilitator.testing.threads import together
from facilitator_sqlite.database import Database
from facilitator_sqlite.schema import APPLICATION_ID, STEPS
from facilitator_sqlite.storage import SqliteStorage
from support.sqlite_files import complaint, run_sql

NOBODY = 65534


def test_a_file_is_marked(storage: Storage, path: Path) -> None:
    storage.ping()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
        assert connection.execute("PRAGMA user_version").fetchone() == (len(STEPS),)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_an_empty_file_is_new(path: Path) -> None:
    path.touch()
    with closing(SqliteStorage(str(path))) as storage:
        storage.add_claim(example_claim())
        assert storage.claim("c1" * 32) == example_claim()


def test_the_file_stays_where_it_was_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with closing(SqliteStorage("file:facilitator.db?mode=memory")) as storage:
        (tmp_path / "elsewhere").mkdir()
        monkeypatch.chdir(tmp_path / "elsewhere")
        storage.add_claim(example_claim())
    assert (tmp_path / "file:facilitator.db?mode=memory").stat().st_size


def test_closing_lets_go_of_every_file(storage: Storage, path: Path) -> None:
    storage.add_claim(example_claim())
    storage.claim("c1" * 32)
    assert {file.name for file in path.parent.iterdir()} > {path.name}
    storage.close()
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_closed_storage_is_unavailable(storage: Storage) -> None:
    storage.close()
    with pytest.raises(StorageUnavailable):
        storage.claim("c1" * 32)
    with pytest.raises(StorageUnavailable):
        storage.add_claim(example_claim())
    with pytest.raises(StorageUnavailable):
        storage.ping()


@pytest.mark.parametrize("name", ["", ":memory:"])
def test_memory_is_another_plugin(name: str) -> None:
    assert "enable the plugin 'memory'" in complaint(name)


def test_an_old_library_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 36, 0))
    assert "SQLite 3.37 or newer" in complaint(path)
    assert not path.exists()


def test_a_newer_schema_is_refused_untouched(storage: Storage, path: Path) -> None:
    storage.close()
    run_sql(path, f"PRAGMA user_version = {len(STEPS) + 1}")
    before = path.read_bytes()
    assert "upgrade this one" in complaint(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "statements",
    [
        ["CREATE TABLE notes (text)"],
        ["PRAGMA user_version = 1"],
        ["PRAGMA application_id = 7"],
        ["PRAGMA application_id = 7", "PRAGMA user_version = 1", "CREATE TABLE claims (id)"],
    ],
)
def test_another_programs_database_is_refused_untouched(path: Path, statements: list[str]) -> None:
    run_sql(path, *statements)
    before = path.read_bytes()
    assert "belongs to another program" in complaint(path)
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_file_of_another_kind_is_refused_untouched(path: Path) -> None:
    path.write_text("dear diary\n" * 1000)
    assert "is not an SQLite database" in complaint(path)
    assert path.read_text() == "dear diary\n" * 1000


def test_a_transaction_that_could_not_be_ended_ends_with_the_next(storage: SqliteStorage) -> None:
    storage._database._writer._connection.execute("BEGIN")
    with pytest.raises(StorageUnavailable):
        storage.add_claim(example_claim())
    assert storage.add_claim(example_claim()) == storage.claim(example_claim().transaction_id)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    assert "cannot be opened" in complaint(tmp_path)


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    assert "a folder that exists" in complaint(tmp_path / "missing" / "facilitator.db")


def test_a_read_only_file_is_refused() -> None:
    # As nobody, since root may write anything, and so in a process and a folder of its own.
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "facilitator.db"
        SqliteStorage(str(path)).close()
        path.chmod(0o444)
        Path(folder).chmod(0o555)
        code = (
            "import os, sys\n"
            "from facilitator_sqlite.storage import SqliteStorage\n"
            "if os.geteuid() == 0: os.seteuid(int(sys.argv[2]))\n"
            "SqliteStorage(sys.argv[1])\n"
        )
        command = [sys.executable, "-c", code, str(path), str(NOBODY)]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        Path(folder).chmod(0o755)
    assert f"the file {path} is read-only" in run.stderr


def test_a_file_that_others_write_to_is_busy_and_can_be_read(storage: Storage, path: Path) -> None:
    storage.add_claim(example_claim())
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert storage.claim("c1" * 32) == example_claim()
        with pytest.raises(StorageUnavailable, match="kept locked by another process"):
            storage.reserve(example_reservation(), now=0.0, limit=1)
        other.execute("ROLLBACK")
        assert storage.reserve(example_reservation(), now=0.0, limit=1) is None


def test_threads_do_not_wait_without_end_for_each_other(path: Path) -> None:
    database = Database(str(path), busy_seconds=0.05)
    begun, go_on = threading.Event(), threading.Event()

    def wait(connection: sqlite3.Connection) -> None:  # noqa: ARG001
        begun.set()
        assert go_on.wait(60)

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(database.write, wait, durable=True)
        assert begun.wait(60)
        with pytest.raises(StorageUnavailable, match="is too busy"):
            database.write(wait, durable=True)
        go_on.set()
        first.result()
    database.close()


def test_many_can_open_a_new_file_at_once(tmp_path: Path) -> None:
    for number in range(20):
        path = str(tmp_path / f"{number}.db")
        storages = together([partial(SqliteStorage, path)] * 8)
        storages[0].add_claim(example_claim())
        assert [storage.claim("c1" * 32) for storage in storages] == [example_claim()] * 8
        for storage in storages:
            storage.close()


def test_a_write_that_fails_halfway_leaves_nothing(path: Path) -> None:
    database = Database(str(path), busy_seconds=0.05)
    insert = "INSERT INTO bound_keys VALUES (x'00', 'value', 1.0)"

    def fail_halfway(connection: sqlite3.Connection) -> None:
        connection.execute(insert)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        database.write(fail_halfway, durable=True)
    assert database.write(lambda connection: connection.execute(insert).rowcount, durable=True) == 1
    database.close()


SUBMITTED = example_claim(state=ClaimState.SUBMITTED)


class Traced(SqliteStorage):
    """A storage that keeps what the connection that writes was told to do."""

    def __init__(self, path: str, *, last_was_durable: bool) -> None:
        super().__init__(path)
        self.statements: list[str] = []

        def trace(connection: sqlite3.Connection) -> None:
            connection.set_trace_callback(self.statements.append)

        self._database.write(trace, durable=last_was_durable)


@pytest.mark.parametrize(
    ("write", "level"),
    [
        (lambda storage: storage.add_claim(SUBMITTED), "FULL"),
        (lambda storage: storage.change_claim(replace(SUBMITTED, version=1)), "FULL"),
        (lambda storage: storage.add_claim(example_claim()), "NORMAL"),
        (lambda storage: storage.change_claim(example_claim(version=1)), "NORMAL"),
        (lambda storage: storage.remove_claim(example_claim()), "NORMAL"),
        (lambda storage: storage.reserve(example_reservation(), now=0.0, limit=1), "NORMAL"),
        (lambda storage: storage.release("c1" * 32), "NORMAL"),
        (lambda storage: storage.bind_key("key", "first", expires_at=1.0, now=0.0), "NORMAL"),
    ],
)
def test_what_was_sent_is_on_the_disk_when_it_is_acknowledged(
    path: Path, write: Callable[[Storage], object], level: str
) -> None:
    with closing(Traced(str(path), last_was_durable=level == "NORMAL")) as storage:
        storage.statements.clear()
        write(storage)
        assert storage.statements[0] == f"PRAGMA synchronous = {level}"
        again = len(storage.statements)
        write(storage)
        assert not any("synchronous" in each for each in storage.statements[again:])
