"""Holds of verified payments: in memory while one process has the file, then in the file."""

from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from facilitator.roles.storage import Reservation, ReservedElsewhere, Storage
from facilitator.testing.examples import example_reservation
from facilitator.testing.storage import HoldsWithClaimContract
from facilitator.testing.storage.reservation_races import ReservationRaces
from facilitator.testing.storage.reservations import ReservationContract
from facilitator_sqlite.database import Database
from facilitator_sqlite.reserving import Found
from facilitator_sqlite.storage import SqliteStorage
from support.sqlite_files import ask_sql, note_shared

verified = partial(example_reservation, is_settling=False)
RIVAL = verified("rival", pay_to="addr_test1other")
HELD = ReservedElsewhere("aa#0", "c1" * 32, 100.0, is_settling=False)


class TestInTheFile(ReservationContract, HoldsWithClaimContract, ReservationRaces):
    """All reservations, as when several processes share the file."""

    @pytest.fixture
    def open_storage(self, tmp_path: Path) -> Callable[[], Storage]:
        path = tmp_path / "facilitator.db"

        def open_shared() -> Storage:
            storage = SqliteStorage(str(path))
            note_shared(path)
            return storage

        return open_shared


@pytest.fixture
def other(path: Path, storage: SqliteStorage) -> Iterator[SqliteStorage]:  # noqa: ARG001
    """A storage that opens the file while another has it."""
    with closing(SqliteStorage(str(path))) as other:
        yield other


def count(path: Path) -> int:
    rows: tuple[int] = ask_sql(path, "SELECT count(*) FROM reservations")
    return rows[0]


def test_one_process_writes_no_hold(storage: SqliteStorage, path: Path) -> None:
    assert storage.reserve(verified(), now=0.0, limit=1) is None
    assert storage.reserve(RIVAL, now=0.0, limit=1) == HELD
    assert storage.is_reserved("c1" * 32, now=0.0)
    assert count(path) == 0
    assert storage.cancel("c1" * 32)
    assert storage.reserve(RIVAL, now=0.0, limit=1) is None


def test_processes_that_share_the_file_see_each_other_s_holds(
    storage: SqliteStorage, other: SqliteStorage
) -> None:
    assert storage.reserve(verified(), now=0.0, limit=1) is None
    assert other.reserve(RIVAL, now=0.0, limit=1) == HELD
    assert other.cancel("c1" * 32)
    assert not storage.is_reserved("c1" * 32, now=0.0)


def test_a_hold_from_before_the_other_came_gives_way(storage: SqliteStorage, path: Path) -> None:
    """It was advice, in memory."""
    assert storage.reserve(verified(), now=0.0, limit=1) is None
    with closing(SqliteStorage(str(path))):
        assert storage.reserve(RIVAL, now=0.0, limit=1) is None
        assert not storage.is_reserved("c1" * 32, now=0.0)
        assert count(path) == 1


def test_a_settlement_of_another_process_ends_a_hold_from_before_it_came(
    storage: SqliteStorage, path: Path
) -> None:
    """The process that has it in memory looks into the file before it says that it lasts."""
    assert storage.reserve(verified(), now=0.0, limit=1) is None
    assert storage.is_reserved("c1" * 32, now=0.0)
    with closing(SqliteStorage(str(path))) as other:
        assert other.reserve(example_reservation("rival"), now=0.0, limit=1) is None
        assert not storage.is_reserved("c1" * 32, now=0.0)
        assert not storage.cancel("c1" * 32)
        assert storage.is_reserved("rival", now=0.0)


def test_one_process_asks_the_file_nothing_about_its_holds(
    storage: SqliteStorage, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert storage.reserve(verified(), now=0.0, limit=1) is None
    with closing(SqliteStorage(str(path), is_trial=True)):
        pass
    assert storage.is_reserved("c1" * 32, now=0.0)
    monkeypatch.delattr(Database, "read")
    assert storage.is_reserved("c1" * 32, now=0.0)


def test_who_opens_the_file_alone_keeps_holds_in_memory_again(path: Path) -> None:
    with closing(SqliteStorage(str(path))), closing(SqliteStorage(str(path))):
        assert ask_sql(path, "SELECT is_shared FROM file_state") == (1,)
    with closing(SqliteStorage(str(path))) as alone:
        assert alone.reserve(verified(), now=0.0, limit=1) is None
        assert count(path) == 0


def test_a_trial_beside_it_changes_nothing(storage: SqliteStorage, path: Path) -> None:
    """``facilitator check`` opens the file of a facilitator that serves."""
    with closing(SqliteStorage(str(path), is_trial=True)):
        pass
    assert storage.reserve(verified(), now=0.0, limit=1) is None
    assert count(path) == 0


def test_a_settlement_between_the_look_and_the_hold_refuses(
    storage: SqliteStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A verification has seen no settlement in the file, and then one was written."""
    in_file = storage._in_file
    look = in_file.look

    def look_too_early(reservation: Reservation, now: float) -> Found:
        found = look(reservation, now)
        assert storage.reserve(example_reservation(), now=0.0, limit=1) is None
        return found

    monkeypatch.setattr(in_file, "look", look_too_early)
    refused = ReservedElsewhere("aa#0", "c1" * 32, 100.0, is_settling=True)
    assert storage.reserve(RIVAL, now=0.0, limit=1) == refused
    assert not storage.is_reserved("rival", now=0.0)
    monkeypatch.undo()
    storage.release("c1" * 32)
    assert storage.reserve(RIVAL, now=0.0, limit=1) is None


def test_settlements_outlive_the_process(path: Path) -> None:
    with closing(SqliteStorage(str(path))) as before:
        assert before.reserve(example_reservation(), now=0.0, limit=1) is None
    with closing(SqliteStorage(str(path))) as storage:
        refusal = storage.reserve(RIVAL, now=0.0, limit=1)
        assert refusal == ReservedElsewhere("aa#0", "c1" * 32, 100.0, is_settling=True)
        assert storage.reserve(verified(), now=0.0, limit=1) is None  # its own settlement stays
        storage.release("c1" * 32)
        assert storage.reserve(RIVAL, now=0.0, limit=1) is None
