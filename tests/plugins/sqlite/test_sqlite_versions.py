"""Files that earlier versions have made."""

import sqlite3
from contextlib import closing
from dataclasses import fields
from functools import partial
from pathlib import Path

import pytest

from facilitator.roles.claim import Claim, ClaimState
from facilitator.roles.sharing import Lease
from facilitator.roles.storage import ReservedElsewhere
from facilitator.testing.examples import example_claim, example_reservation
from facilitator_sqlite.reserving import _hash_key
from facilitator_sqlite.schema import APPLICATION_ID, COUNTED_FROM, STEPS
from facilitator_sqlite.storage import SqliteStorage
from support.sqlite_files import ask_sql

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


def test_settlements_under_way_keep_their_inputs(path: Path) -> None:
    """What had been only verified is dropped: it is advice, and ends soon."""
    made_by(4, path)
    put_claim(path, example_claim(state=ClaimState.SUBMITTED))
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for name, held in (("c1" * 32, "aa#0"), ("verified", "bb#0")):
            values = (_hash_key(name), b"payer", 100.0, name, _hash_key(held))
            connection.execute("INSERT INTO reservations VALUES (?, ?, ?, ?, ?)", values)
            row = (_hash_key(held), _hash_key(name), 100.0)
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
