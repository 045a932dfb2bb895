import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from facilitator.roles.claim import Claim, ClaimState
from facilitator.roles.storage import Storage, StorageUnavailable
from facilitator.testing.examples import example_claim, example_reservation
from facilitator_sqlite.storage import SqliteStorage
from support.sqlite_files import PAGE, complaint, run_sql


def test_a_damaged_file_is_refused(storage: Storage, path: Path) -> None:
    for number in range(200):
        storage.add_claim(example_claim(transaction_id=f"{number:064x}"))
    storage.close()
    content = bytearray(path.read_bytes())
    content[PAGE * 2 :] = b"\xa5" * (len(content) - PAGE * 2)
    path.write_bytes(content)
    advice = "facilitator.db is damaged; stop the facilitator, move the file away and start with a"
    assert advice in complaint(path)


@pytest.mark.parametrize(
    "record", ["x'02'", "substr(record, 1, 60)", "CAST(record || x'00' AS BLOB)"]
)
def test_a_row_that_makes_no_sense_is_reported(storage: Storage, path: Path, record: str) -> None:
    claim = storage.add_claim(example_claim())
    run_sql(path, f"UPDATE claims SET record = {record}")
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
    seen = Counter[str]()
    for start in range(PAGE, len(content), 3 * PAGE):
        path.write_bytes(content[:start] + b"\xa5" * PAGE + content[start + PAGE :])
        seen.update(look_for(path, claims))
    assert set(seen) == {"right", "unavailable"}


def look_for(path: Path, claims: Sequence[Claim]) -> Iterator[str]:
    try:
        with closing(SqliteStorage(str(path))) as damaged:
            for claim in claims:
                is_right = damaged.claim(claim.transaction_id) == claim
                yield "right" if is_right else "wrong"
    except StorageUnavailable:
        yield "unavailable"


def test_a_file_that_was_found_damaged_is_used_no_more(storage: SqliteStorage) -> None:
    """Its other pages may be wrong as well; health says so."""
    claim = storage.add_claim(example_claim())

    def fail(_: sqlite3.Connection) -> None:
        error = sqlite3.DatabaseError("database disk image is malformed")
        error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        raise error

    calls: list[Callable[[], object]] = [
        partial(storage._database.read, fail),
        storage.ping,
        partial(storage.claim, claim.transaction_id),
        partial(storage.add_claim, claim),
    ]
    for call in calls:
        with pytest.raises(StorageUnavailable, match="is damaged"):
            call()


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

        forgotten = sum(iter(lambda: storage.forget_claims(now=1e9), 0))
        assert forgotten == len(kept)
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
    print(number, error.detail)
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
