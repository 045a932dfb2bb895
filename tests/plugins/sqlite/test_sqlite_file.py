import os
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from facilitator.roles.claim import Claim, ClaimState
from facilitator.roles.storage import Storage, StorageUnavailable
from facilitator.testing.examples import example_claim, example_reservation
from facilitator.testing.threads import together
from facilitator_sqlite.database import Database
from facilitator_sqlite.reserving import CLEAN_SECONDS
from facilitator_sqlite.schema import APPLICATION_ID, STEPS, VERSION_1
from facilitator_sqlite.storage import SqliteStorage

NOBODY = 65534
PAGE = 4096


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "facilitator.db"


@pytest.fixture
def storage(path: Path) -> Iterator[Storage]:
    storage = SqliteStorage(str(path), busy_seconds=0.05)
    yield storage
    storage.close()


def complaint(path: Path | str) -> str:
    """What the storage says when it is asked to use the file; it must name it."""
    with pytest.raises(StorageUnavailable) as caught:
        SqliteStorage(str(path))
    assert str(path) in str(caught.value)
    return str(caught.value)


def run_sql(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


def test_a_file_is_marked_as_ours(storage: Storage, path: Path) -> None:
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


def test_a_damaged_file_is_told(storage: Storage, path: Path) -> None:
    for number in range(200):
        storage.add_claim(example_claim(transaction_id=f"{number:064x}"))
    storage.close()
    content = bytearray(path.read_bytes())
    content[PAGE * 2 :] = b"\xa5" * (len(content) - PAGE * 2)
    path.write_bytes(content)
    advice = (
        r"facilitator\.db is damaged; stop the facilitator, move the file away and start with a"
    )
    with closing(SqliteStorage(str(path))) as damaged:
        for call in (
            lambda: damaged.claim("00" * 32),
            lambda: damaged.add_claim(example_claim()),
            lambda: damaged.change_claim(example_claim(version=1)),
            lambda: damaged.open_claims(),
            lambda: damaged.forget_claims(1e9),
        ):
            with pytest.raises(StorageUnavailable, match=advice):
                call()


@pytest.mark.parametrize("column", ["state = 'paid'", "invalid_hereafter = 'never'"])
def test_a_row_that_makes_no_sense_is_told(storage: Storage, path: Path, column: str) -> None:
    claim = storage.add_claim(example_claim())
    run_sql(path, f"UPDATE claims SET {column}")
    with pytest.raises(StorageUnavailable, match=r"facilitator\.db is damaged"):
        storage.claim(claim.transaction_id)
    with pytest.raises(StorageUnavailable, match=r"facilitator\.db is damaged"):
        storage.add_claim(claim)


@pytest.fixture
def claims(storage: Storage) -> list[Claim]:
    """Those in a file that is closed."""
    claims = [example_claim(transaction_id=f"{number:064x}") for number in range(200)]
    for claim in claims:
        storage.add_claim(claim)
    storage.close()
    return claims


@pytest.mark.usefixtures("claims")
def test_a_file_that_was_cut_short_is_refused(path: Path) -> None:
    content = path.read_bytes()
    assert len(content) > 20 * PAGE
    for pages in range(1, len(content) // PAGE, 5):
        path.write_bytes(content[: PAGE * pages])
        assert "is damaged" in complaint(path)


def test_a_page_that_was_overwritten_gives_no_wrong_record(path: Path, claims: list[Claim]) -> None:
    content = path.read_bytes()
    told = Counter[str]()
    for start in range(PAGE, len(content), 3 * PAGE):
        path.write_bytes(content[:start] + b"\xa5" * PAGE + content[start + PAGE :])
        with closing(SqliteStorage(str(path))) as damaged:
            for claim in claims:
                try:
                    is_right = damaged.claim(claim.transaction_id) == claim
                    told["right" if is_right else "wrong"] += 1
                except StorageUnavailable:
                    told["unavailable"] += 1
    assert set(told) == {"right", "unavailable"}


@pytest.mark.parametrize("is_replaced", [False, True])
def test_a_file_that_was_taken_away_is_used_no_more(
    storage: Storage, path: Path, is_replaced: bool
) -> None:
    """Two processes on two files would each tell of a success."""
    claim = storage.add_claim(example_claim())
    for file in path.parent.glob(f"{path.name}*"):
        file.rename(file.with_name(f"moved-{file.name}"))
    if is_replaced:
        SqliteStorage(str(path)).close()
    calls: list[Callable[[], object]] = [
        lambda: storage.claim(claim.transaction_id),
        lambda: storage.change_claim(claim.changed()),
        storage.ping,
    ]
    for call in calls:
        with pytest.raises(StorageUnavailable, match="was moved, removed or replaced"):
            call()


def test_a_transaction_that_could_not_be_ended_ends_with_the_next(storage: SqliteStorage) -> None:
    storage._database._writer._connection.execute("BEGIN")
    with pytest.raises(StorageUnavailable):
        storage.add_claim(example_claim())
    assert storage.add_claim(example_claim()) == storage.claim(example_claim().transaction_id)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    assert "cannot be opened" in complaint(tmp_path)


def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    assert "a folder that exists" in complaint(tmp_path / "missing" / "facilitator.db")


def test_a_read_only_file_is_told() -> None:
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
    assert f"StorageUnavailable: the file {path} is read-only" in run.stderr


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
    insert = "INSERT INTO idempotency_keys VALUES ('key', 'fingerprint', 1.0)"

    def fail_halfway(connection: sqlite3.Connection) -> None:
        connection.execute(insert)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        database.write(fail_halfway, durable=True)
    assert database.write(lambda connection: connection.execute(insert).rowcount, durable=True) == 1
    database.close()


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
        (lambda storage: storage.add_claim(example_claim()), "FULL"),
        (lambda storage: storage.change_claim(example_claim(version=1)), "FULL"),
        (lambda storage: storage.remove_claim(example_claim()), "FULL"),
        (lambda storage: storage.reserve(example_reservation(), now=0.0, limit=1), "NORMAL"),
        (lambda storage: storage.release("c1" * 32), "NORMAL"),
        (lambda storage: storage.bind_key("key", "first", expires_at=1.0, now=0.0), "NORMAL"),
    ],
)
def test_claims_are_on_the_disk_when_they_are_acknowledged(
    path: Path, write: Callable[[Storage], object], level: str
) -> None:
    with closing(Traced(str(path), last_was_durable=level == "NORMAL")) as storage:
        storage.statements.clear()
        write(storage)
        assert storage.statements[0] == f"PRAGMA synchronous = {level}"
        again = len(storage.statements)
        write(storage)
        assert not any("synchronous" in each for each in storage.statements[again:])


class FullDisk(SqliteStorage):
    """A storage whose file cannot grow beyond a few pages more than it needs."""

    def __init__(self, path: str) -> None:
        super().__init__(path)

        def limit(connection: sqlite3.Connection) -> None:
            connection.execute("PRAGMA max_page_count = 60").fetchone()

        self._database.write(limit, durable=True, is_statement=True)


def test_a_full_disk_loses_nothing_and_may_be_freed(path: Path) -> None:
    with closing(FullDisk(str(path))) as storage:
        claims = (
            example_claim(transaction_id=f"{number:064x}", state=ClaimState.SETTLED)
            for number in range(1000)
        )
        kept: list[Claim] = []
        with pytest.raises(StorageUnavailable, match="the disk is full"):
            kept.extend(map(storage.add_claim, claims))
        assert len(kept) > 10
        assert [storage.claim(claim.transaction_id) for claim in kept] == kept
        assert storage.claim(f"{len(kept):064x}") is None
        storage.ping()

        assert storage.forget_claims(now=1e9) == len(kept)
        assert storage.add_claim(kept[0]) == kept[0]


WRITE_UNTIL_IT_FAILS = """
import resource, sys
from facilitator.roles.storage import StorageUnavailable
from facilitator.testing.examples import example_claim
from facilitator_sqlite.storage import SqliteStorage

storage = SqliteStorage(sys.argv[1])
_, most = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, most))
number = 0
try:
    while True:
        storage.add_claim(example_claim(transaction_id=f"{number:064x}"))
        number += 1
except StorageUnavailable as error:
    print(number, error)
resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
storage.add_claim(example_claim())
"""


def test_a_disk_that_takes_no_more_loses_nothing(path: Path) -> None:
    command = [sys.executable, "-c", WRITE_UNTIL_IT_FAILS, str(path)]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    number, _, complaint = run.stdout.partition(" ")
    assert complaint.startswith(f"the file {path} cannot be read or written; check the disk")
    with closing(SqliteStorage(str(path))) as storage:
        assert len(storage.open_claims()) == int(number) + 1
        for each in range(int(number)):
            assert storage.claim(f"{each:064x}") is not None
        assert storage.claim(f"{int(number):064x}") is None


def test_a_reservation_that_does_not_fit_holds_nothing(path: Path) -> None:
    with closing(FullDisk(str(path))) as storage:
        inputs = [f"{number:064x}#0" for number in range(5000)]
        with pytest.raises(StorageUnavailable, match="the disk is full"):
            storage.reserve(example_reservation("one", inputs), now=0.0, limit=1)
        assert storage.reserve(example_reservation("two", inputs[:9]), now=0.0, limit=1) is None
        storage.release("two")
        assert storage.reserve(example_reservation("one"), now=0.0, limit=1) is None


def test_what_is_over_is_not_kept(storage: Storage, path: Path) -> None:
    for number in range(50):
        reservation = example_reservation(f"{number}", [f"{number}#0"], expires_at=number + 1.0)
        storage.reserve(reservation, now=float(number), limit=1)
        storage.bind_key(f"{number}", "fingerprint", expires_at=number + 1.0, now=float(number))
    with closing(sqlite3.connect(path)) as connection:
        for table in ("reservations", "reserved_inputs"):
            assert (
                connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] <= CLEAN_SECONDS
            )
        assert connection.execute("SELECT count(*) FROM idempotency_keys").fetchone() == (1,)
    assert os.path.getsize(path) < 1_000_000


def test_a_file_of_an_older_schema_is_brought_up_to_date(path: Path) -> None:
    run_sql(
        path,
        *VERSION_1,
        "PRAGMA user_version = 1",
        f"PRAGMA application_id = {APPLICATION_ID}",
        "INSERT INTO idempotency_keys VALUES ('key', 'kept', 100.0)",
    )
    with closing(SqliteStorage(str(path))) as storage:
        assert storage.bind_key("key", "another", expires_at=100.0, now=0.0) == "kept"
        assert storage.lead("cardano:preprod", "one", now=0.0, until=1.0)
