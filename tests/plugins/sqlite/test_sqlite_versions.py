"""Files that earlier versions have made."""

import sqlite3
from contextlib import closing
from dataclasses import fields, replace
from functools import partial
from pathlib import Path

import pytest

from facilitator.roles.claim import Claim, ClaimState, Delivery
from facilitator.roles.sharing import Lease
from facilitator.roles.storage import ReservedElsewhere, StorageUnavailable
from facilitator.testing.examples import example_claim, example_reservation
from facilitator_sqlite import opening
from facilitator_sqlite.backup import back_up
from facilitator_sqlite.rows import hash_key
from facilitator_sqlite.schema import APPLICATION_ID, COUNTED_FROM, STEPS
from facilitator_sqlite.storage import SqliteStorage
from support.sqlite_files import ask_sql, run_sql

FORMER = range(1, len(STEPS))
COLUMNS = [field.name for field in fields(Claim)]

verified = partial(example_reservation, is_settling=False)


def made_by(version: int, path: Path, *statements: str) -> None:
    """Leave a file as that version did: the first ones in WAL mode also when it is closed."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        for step in STEPS[:version]:
            for statement in step:
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {version}")
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        for statement in statements:
            connection.execute(statement)
        if version >= COUNTED_FROM:
            connection.execute("PRAGMA journal_mode = DELETE")


def put_claim(path: Path, claim: Claim) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        known = [row[1] for row in connection.execute("PRAGMA table_info(claims)")]
        names = [name for name in COLUMNS if name in known]
        values = [getattr(claim, name) for name in names]
        values = [str(each) if each == 2**64 - 1 else each for each in values]
        columns = ", ".join(f'"{name}"' for name in names)
        places = ", ".join("?" for _ in names)
        connection.execute(f"INSERT INTO claims ({columns}) VALUES ({places})", values)


@pytest.mark.parametrize("version", FORMER)
def test_a_file_of_a_former_version_is_brought_up_to_date(path: Path, version: int) -> None:
    """Its claims and keys are there, and everything works that is new."""
    made_by(version, path, "INSERT INTO idempotency_keys VALUES ('key', 'kept', 100.0)")
    claims = [example_claim(transaction_id=f"{n:064x}", created_at=float(n)) for n in range(50)]
    for claim in claims:
        put_claim(path, claim)
    with closing(SqliteStorage(str(path))) as storage:
        assert list(storage.open_claims()) == claims
        assert storage.bind_key("key", "another", expires_at=100.0, now=0.0) == "kept"
        assert storage.lead("cardano:preprod", "one", now=0.0, until=1.0) == Lease("one", 1.0)
        assert storage.change_claim(claims[0].changed(state=ClaimState.SETTLED))
        assert storage.reserve(verified(), now=0.0, limit=1) is None
    assert ask_sql(path, "PRAGMA user_version") == (len(STEPS),)
    assert ask_sql(path, "PRAGMA integrity_check") == ("ok",)


def test_claims_and_keys_of_version_8_are_shortened(path: Path) -> None:
    """Whatever they hold, they are what they were."""
    made_by(8, path)
    example = example_claim(
        state=ClaimState.SETTLED,
        block="b0" * 32,
        block_slot=2**64 - 1,
        answer=b'{"success":true}',
        answer_key="not hex",
        record=b"\0\xff",
        details=b"{}",
    )
    claims = [
        replace(example, transaction_id=f"{number:064x}", state=state)
        for number, state in enumerate(ClaimState)
    ]
    for claim in claims:
        put_claim(path, claim)
    values = [f"{'f1' * 32} {'c1' * 32}", f" {'c1' * 32}", "c1" * 32, "any text"]
    for value in values:
        run_sql(path, f"INSERT INTO idempotency_keys VALUES ('key of {value}', '{value}', 100.0)")
    with closing(SqliteStorage(str(path))) as storage:
        assert [storage.claim(each.transaction_id) for each in claims] == claims
        assert list(storage.open_claims()) == [each for each in claims if not each.state.is_final]
        assert [storage.bound_to(f"key of {each}", now=0.0) for each in values] == values
        assert storage.bound_to("key of any text", now=100.0) is None
        assert storage.change_key(f"key of {values[0]}", values[0], "another", 100.0)
        assert storage.forget_claims(200.0) == len(claims) - len(storage.open_claims())
    assert ask_sql(Path(f"{path}-version-8"), "SELECT count(*) FROM claims") == (len(claims),)


def test_settlements_under_way_keep_their_inputs(path: Path) -> None:
    """What had been only verified is dropped: it is advice, and ends soon."""
    made_by(4, path)
    put_claim(path, example_claim(state=ClaimState.SUBMITTED))
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for name, held in (("c1" * 32, "aa#0"), ("verified", "bb#0")):
            values = (hash_key(name), b"payer", 100.0, name, hash_key(held))
            connection.execute("INSERT INTO reservations VALUES (?, ?, ?, ?, ?)", values)
            row = (hash_key(held), hash_key(name), 100.0)
            connection.execute("INSERT INTO reserved_inputs VALUES (?, ?, ?)", row)
    with closing(SqliteStorage(str(path))) as storage:
        refusal = storage.reserve(verified("rival", ["aa#0"]), now=0.0, limit=1)
        assert refusal == ReservedElsewhere("aa#0", "c1" * 32, 100.0, is_settling=True)
        assert not storage.is_reserved("verified", now=0.0)
        assert storage.reserve(verified("rival", ["bb#0"]), now=0.0, limit=1) is None


def test_a_crash_of_a_former_version_is_recovered(tmp_path: Path) -> None:
    """Its log was left behind, with everything in it."""
    old, path = tmp_path / "old.db", tmp_path / "facilitator.db"
    with closing(sqlite3.connect(old)) as reader:
        made_by(4, old)
        reader.execute("SELECT count(*) FROM claims").fetchone()
        put_claim(old, example_claim())
        for end in ("", "-wal"):
            (tmp_path / f"facilitator.db{end}").write_bytes(Path(f"{old}{end}").read_bytes())
    with closing(SqliteStorage(str(path))) as storage:
        assert storage.claim("c1" * 32) == example_claim()


@pytest.fixture
def real(path: Path) -> Path:
    """Return the file that a facilitator of schema 4 left, with two payments settled, one open."""
    path.write_bytes((Path(__file__).parent / "files" / "version-4.sqlite").read_bytes())
    return path


FIRST = "b12550e0d2c25700e7b0464ce79ec79156584d2d874a5ff2934b61afc600e908"
OPEN = "4d514818e71e17a0caf9d70954ea104203ae6980dd1da2a42d92420a7fbae6a0"


def test_a_real_file_is_brought_up_to_date(real: Path) -> None:
    """No success of it can be delivered again, and its open settlement goes on into the ledger."""
    with closing(SqliteStorage(str(real))) as storage:
        first = storage.claim(FIRST)
        assert first is not None
        assert (first.state, first.delivery) == (ClaimState.SETTLED, Delivery.DELIVERED)
        assert storage.add_claim(example_claim(transaction_id=FIRST)) == first
        (still_open,) = storage.open_claims()
        assert (still_open.transaction_id, still_open.state) == (OPEN, ClaimState.SUBMITTED)
        ledger = storage.payment_ledger()
        assert ledger.last_number() == 0
        assert storage.change_claim(still_open.changed(state=ClaimState.EXPIRED))
        payment = ledger.payment(OPEN)
        assert payment is not None
        assert (payment.state, payment.amount) == (ClaimState.EXPIRED, "2000000")
        assert (payment.pay_to, payment.caller, payment.fee) == ("", "", None)


def test_a_copy_of_a_former_file_is_kept(real: Path) -> None:
    """For this user alone, with everything that was in it."""
    before = ask_sql(real, "SELECT group_concat(transaction_id) FROM claims")
    SqliteStorage(str(real)).close()
    copy = Path(f"{real}-version-4")
    assert ask_sql(copy, "PRAGMA user_version") == (4,)
    assert ask_sql(copy, "PRAGMA integrity_check") == ("ok",)
    assert ask_sql(copy, "SELECT group_concat(transaction_id) FROM claims") == before
    assert copy.stat().st_mode & 0o777 == 0o600
    assert not list(real.parent.glob("*unfinished"))


def test_a_copy_is_brought_back_without_what_may_be_delivered_since(real: Path) -> None:
    """The statement is that of docs/operations.md."""
    SqliteStorage(str(real)).close()
    copy = Path(f"{real}-version-4")
    run_sql(copy, "DELETE FROM claims WHERE answer IS NULL")
    with closing(SqliteStorage(str(copy))) as storage:
        first = storage.claim(FIRST)
        assert first is not None
        assert first.delivery is Delivery.DELIVERED
        assert storage.claim(OPEN) is None


def test_a_copy_is_made_of_a_former_version_alone(path: Path) -> None:
    for _ in range(2):
        SqliteStorage(str(path)).close()
    assert not list(path.parent.glob("*-version-*"))


def test_what_an_interrupted_upgrade_left_is_replaced(real: Path) -> None:
    for end in ("", "-unfinished"):
        Path(f"{real}-version-4{end}").write_bytes(b"cut")
    SqliteStorage(str(real)).close()
    assert ask_sql(Path(f"{real}-version-4"), "PRAGMA integrity_check") == ("ok",)
    assert not list(real.parent.glob("*unfinished"))


def test_without_room_for_a_copy_the_file_stays_as_it_is(real: Path) -> None:
    """It can be upgraded once there is room."""
    blocked = Path(f"{real}-version-4")
    blocked.mkdir()
    with pytest.raises(StorageUnavailable) as error:
        SqliteStorage(str(real))
    assert "no copy of it can be made" in error.value.detail
    assert ask_sql(real, "PRAGMA user_version") == (4,)
    blocked.rmdir()
    SqliteStorage(str(real)).close()
    assert ask_sql(real, "PRAGMA user_version") == (len(STEPS),)


def test_a_write_between_copy_and_upgrade_is_in_the_copy(
    real: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An older facilitator may run until this one has the file to itself."""

    def copy_and_be_late(connection: sqlite3.Connection, name: str, version: int) -> int:
        state = back_up(connection, name, version)
        monkeypatch.undo()
        with closing(sqlite3.connect(real)) as other, other:
            other.execute("INSERT INTO idempotency_keys VALUES ('late', 'kept', 100.0)")
        return state

    monkeypatch.setattr(opening, "back_up", copy_and_be_late)
    SqliteStorage(str(real)).close()
    found = ask_sql(
        Path(f"{real}-version-4"), "SELECT count(*) FROM idempotency_keys WHERE key = 'late'"
    )
    assert found == (1,)


def test_a_newer_file_is_refused_by_name(real: Path) -> None:
    """So a facilitator that was brought back to a former version finds the copy."""
    SqliteStorage(str(real)).close()
    with closing(sqlite3.connect(real)) as connection:
        connection.execute(f"PRAGMA user_version = {len(STEPS) + 1}")
    with pytest.raises(StorageUnavailable) as error:
        SqliteStorage(str(real))
    assert "was written by a newer facilitator" in error.value.detail
    assert f"{real}-version-" in error.value.detail
