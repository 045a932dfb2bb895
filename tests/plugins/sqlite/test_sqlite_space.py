"""What is over is removed in small steps, and its space is given back."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from facilitator.roles.claim import ClaimState
from facilitator.roles.storage import ReservedElsewhere, Storage
from facilitator.testing.examples import example_claim, example_reservation
from facilitator_sqlite.forgetting import FORGOTTEN_AT_ONCE
from facilitator_sqlite.rows import COLUMNS, PLACES, encode_claim
from facilitator_sqlite.storage import SqliteStorage
from facilitator_sqlite.sweeping import SWEPT_AT_ONCE
from support.sqlite_files import PAGE, ask_sql, note_shared, run_sql

verified = partial(example_reservation, is_settling=False)


def fill(path: Path, count: int) -> None:
    """Put settled claims into the file, which are over from 200 on."""
    claims = (
        example_claim(
            transaction_id=os.urandom(32).hex(),
            transaction=os.urandom(600),
            state=ClaimState.SETTLED,
            answer=os.urandom(600),
        )
        for _ in range(count)
    )
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN")
        add = f"INSERT INTO claims ({COLUMNS}) VALUES ({PLACES})"
        connection.executemany(add, map(encode_claim, claims))
        connection.execute("COMMIT")


def forgotten(storage: Storage) -> Iterator[int]:
    return iter(partial(storage.forget_claims, 200.0), 0)


def test_forgetting_removes_a_few_at_once(storage: Storage, path: Path) -> None:
    """However many are due: another call waits for a short write only."""
    fill(path, 1000)
    storage.add_claim(example_claim())
    steps = list(forgotten(storage))
    assert sum(steps) == 1000
    assert max(steps) <= FORGOTTEN_AT_ONCE
    assert ask_sql(path, "SELECT count(*) FROM claims") == (1,)


def test_space_is_given_back(storage: Storage, path: Path) -> None:
    """The file shrinks while it is in use, and other processes do not mind."""
    fill(path, 20_000)
    with closing(SqliteStorage(str(path))) as other:
        storage.ping()
        run_sql(path, "PRAGMA wal_checkpoint")
        large = path.stat().st_size
        for _ in forgotten(storage):
            other.ping()
        run_sql(path, "PRAGMA wal_checkpoint")
        assert path.stat().st_size < large / 10
        other.add_claim(example_claim())
        storage.ping()
    assert ask_sql(path, "PRAGMA integrity_check") == ("ok",)


def test_some_free_space_is_kept_for_what_comes(storage: Storage, path: Path) -> None:
    """A file whose claims come and go keeps its size."""
    fill(path, 1000)
    pages = ask_sql(path, "PRAGMA page_count")
    list(forgotten(storage))
    kept, free = ask_sql(
        path, "SELECT page_count, freelist_count FROM pragma_page_count, pragma_freelist_count"
    )
    assert 100 < free < kept < pages[0]
    fill(path, 300)
    assert ask_sql(path, "PRAGMA page_count") == (kept,)


def test_a_file_that_was_cut_below_what_was_given_back_is_noticed(
    storage: Storage, path: Path
) -> None:
    """It may have shrunk by itself, but not as far."""
    fill(path, 3000)
    list(forgotten(storage))
    run_sql(path, "PRAGMA wal_checkpoint")
    storage.ping()
    (least,) = ask_sql(path, "SELECT least_pages FROM file_state")
    assert least * PAGE == path.stat().st_size
    os.truncate(path, (least - 1) * PAGE)
    with pytest.raises(Exception, match="has lost a part"):
        storage.ping()


def test_reservations_that_are_over_are_removed(storage: Storage, path: Path) -> None:
    """A part of them with each so many new ones, so that few are kept beyond their time."""
    note_shared(path)
    living = 100
    for number in range(3000):
        now = number / living
        wanted = verified(f"{number}", [f"{number}#0", f"{number}#1"], expires_at=now + 1.0)
        assert storage.reserve(wanted, now, limit=2 * living) is None
    for table, rows in (("reservations", 1), ("reserved_inputs", 2)):
        (kept,) = ask_sql(path, f"SELECT count(*) FROM {table}")
        assert living * rows <= kept <= 2 * living * rows + SWEPT_AT_ONCE


def test_a_clock_that_is_put_back_finds_no_half_reservation(
    storage: SqliteStorage, path: Path
) -> None:
    """Inputs and reservations that are over are not removed in one step."""
    note_shared(path)
    storage.reserve(verified("one", ["aa#0"], expires_at=100.0), now=0.0, limit=1)
    storage.reserve(verified("two", ["bb#0"], expires_at=100.0), now=0.0, limit=2)
    (one,) = ask_sql(path, "SELECT holder FROM reservations WHERE transaction_id = 'one'")
    run_sql(path, f"DELETE FROM reservations WHERE holder = x'{one.hex()}'")
    (two,) = ask_sql(path, "SELECT holder FROM reservations WHERE transaction_id = 'two'")
    run_sql(path, f"DELETE FROM reserved_inputs WHERE holder = x'{two.hex()}'")
    rival = verified("rival", ["aa#0", "bb#0"], pay_to="addr_test1other")
    assert storage.reserve(rival, now=50.0, limit=2) is None
    storage.release("two")
    held = ReservedElsewhere("bb#0", "rival", 100.0, is_settling=False)
    assert storage.reserve(verified("three", ["bb#0"]), now=50.0, limit=2) == held


def test_keys_that_are_over_are_removed(storage: Storage, path: Path) -> None:
    """A part of them with each so many new ones. Until then each is free all the same."""
    living = 100
    for number in range(3000):
        now = number / living
        assert storage.bind_key(f"{number}", "value", expires_at=now + 1.0, now=now) == "value"
    (kept,) = ask_sql(path, "SELECT count(*) FROM bound_keys")
    assert living <= kept <= 2 * living + SWEPT_AT_ONCE
    assert storage.bind_key("2800", "new", expires_at=99.0, now=now) == "new"


def test_a_look_up_of_a_key_writes_nothing(storage: Storage, path: Path) -> None:
    """Anybody can have names looked up, with payments that are not valid."""
    for number in range(300):
        assert storage.bound_to(f"{number}", now=0.0) is None
    assert ask_sql(path, "SELECT count(*) FROM bound_keys") == (0,)
