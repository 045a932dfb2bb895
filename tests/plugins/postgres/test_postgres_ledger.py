"""The payment ledger in the tables of the storage, and alone."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import psycopg
import pytest

from facilitator.plugin import (
    Claim,
    ClaimState,
    PaymentLedger,
    PluginError,
    Storage,
    StorageUnavailable,
)
from facilitator.testing.payment_ledger import (
    PaymentLedgerContract,
    RecordsPaymentsContract,
    delivered,
    settled,
    submitted,
)
from facilitator.testing.redis_server import free_port
from facilitator.testing.waiting import eventually
from facilitator_postgres.database import in_schema
from facilitator_postgres.ledger_rows import encode_changes
from facilitator_postgres.migration import STEPS
from facilitator_postgres.rows import escape
from support.postgres_plugin import ledger_of, storage_of
from support.postgres_servers import PostgresServer, needs_postgres
from support.postgres_storages import open_postgres, open_postgres_ledger

pytestmark = needs_postgres


class TestPostgresLedger(PaymentLedgerContract):
    @pytest.fixture
    def open_ledger(
        self, postgres_server: PostgresServer, schema: str
    ) -> Callable[[], PaymentLedger]:
        return lambda: open_postgres_ledger(postgres_server.url, schema)


class TestPostgresRecordsPayments(RecordsPaymentsContract):
    @pytest.fixture
    def open_storage(self, postgres_server: PostgresServer, schema: str) -> Callable[[], Storage]:
        return lambda: open_postgres(postgres_server.url, schema)


# --- Numbers ----------------------------------------------------------------------------------


@contextmanager
def recorded_and_not_committed(
    server: PostgresServer, schema: str, claim: Claim
) -> Iterator[psycopg.Connection]:
    """Yield a connection whose transaction has given the claim's event its number."""
    with psycopg.connect(server.url) as connection:
        statement = in_schema("SELECT {schema}.record_changes(%s::jsonb)", schema)
        connection.execute(statement, (encode_changes([claim]),))
        yield connection


@pytest.mark.parametrize("first", [1, 2**32 - 2, 2**32 - 1, 2**40])
@pytest.mark.parametrize("is_kept", [True, False])
def test_no_event_comes_after_one_with_a_greater_number(
    postgres_server: PostgresServer, schema: str, first: int, is_kept: bool
) -> None:
    """What is committed first may have the greater number; it is told when the other one is."""
    with closing(open_postgres(postgres_server.url, schema)) as storage:
        ledger = storage.payment_ledger()
        postgres_server.run(
            f"ALTER TABLE {schema}.payment_events ALTER number RESTART WITH {first}"
        )
        one, slow, quick = (submitted(number) for number in range(3))
        storage.add_claim(one)
        with recorded_and_not_committed(postgres_server, schema, slow) as connection:
            storage.add_claim(quick)
            told = [each.transaction_id for each in ledger.events_after(0, 10)]
            assert told == [one.transaction_id]
            assert ledger.last_number() == first
            connection.commit() if is_kept else connection.rollback()
            wanted = [slow, quick] if is_kept else [quick]
            told = [each.transaction_id for each in ledger.events_after(first, 10)]
            assert told == [each.transaction_id for each in wanted]
        assert ledger.last_number() == first + 2


def test_a_transaction_without_events_holds_none_back(
    postgres_server: PostgresServer, schema: str
) -> None:
    """Such as that of a backup, or of another program, which may last for hours."""
    with (
        closing(open_postgres(postgres_server.url, schema)) as storage,
        psycopg.connect(postgres_server.url) as other,
    ):
        other.execute(f"INSERT INTO {schema}.pings VALUES (7, 0)".encode())
        storage.add_claim(submitted())
        assert len(storage.payment_ledger().events_after(0, 10)) == 1


# --- Versions ---------------------------------------------------------------------------------

BEFORE_GOING_BACK = "DELETE FROM x402.claims_version_3 WHERE answer IS NULL"
"""The statement in docs/how-to/postgres.md."""


def made_by(server: PostgresServer, schema: str, version: int, claims: Sequence[Claim]) -> None:
    """Leave tables as that version did, with these claims."""
    run = partial(in_schema, schema=schema)
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(run("CREATE SCHEMA {schema}"))
        connection.execute(run("CREATE TABLE {schema}.schema_version AS SELECT 0 AS version"))
        for step in STEPS[:version]:
            connection.execute(run(step.read_text()))
        connection.execute(run(f"UPDATE {{schema}}.schema_version SET version = {version}"))
        columns = connection.execute(run("SELECT * FROM {schema}.claims")).description or []
        names = [each.name for each in columns]
        quoted, places = ", ".join(f'"{name}"' for name in names), ", ".join("%s" for _ in names)
        add = run(f"INSERT INTO {{schema}}.claims ({quoted}) VALUES ({places})")
        for claim in claims:
            values = (getattr(claim, name) for name in names)
            connection.execute(add, [escape(v) if isinstance(v, str) else v for v in values])


def test_claims_of_the_first_version_go_on(postgres_server: PostgresServer, schema: str) -> None:
    """Their first event is their next change, with what is known of them."""
    claim = submitted()
    made_by(postgres_server, schema, 1, [claim])
    with closing(open_postgres(postgres_server.url, schema)) as storage:
        (found,) = storage.open_claims()
        assert found.details == b""
        assert storage.change_claim(settled(found))
        payment = storage.payment_ledger().payment(claim.transaction_id)
        assert payment is not None
        assert (payment.state, payment.amount, payment.pay_to) == (
            ClaimState.SETTLED,
            "2000000",
            "",
        )


def test_claims_of_version_3_are_shortened(postgres_server: PostgresServer, schema: str) -> None:
    """Whatever they hold, they are what they were; a copy of the former table is kept."""
    example = replace(
        submitted(),
        block="b0" * 32,
        block_slot=2**64 - 1,
        answer=b"{}",
        answer_key="\\ \0",
        record=b"\0\xff",
    )
    claims = [
        replace(example, transaction_id=f"{number:064x}", state=state)
        for number, state in enumerate(ClaimState)
    ]
    claims[1:] = [replace(each, answer=None) for each in claims[1:]]
    made_by(postgres_server, schema, 3, claims)
    with closing(open_postgres(postgres_server.url, schema)) as storage:
        assert [storage.claim(each.transaction_id) for each in claims] == claims
        assert list(storage.open_claims()) == [each for each in claims if not each.state.is_final]
        assert storage.remove_claim(claims[0])
        assert storage.forget_claims(example.keep_until) == 3
    kept = f"SELECT count(*) FROM {schema}.claims_version_3"
    assert postgres_server.run(kept) == [(len(claims),)]
    postgres_server.run(BEFORE_GOING_BACK.replace("x402", schema))
    assert postgres_server.run(kept) == [(1,)]


@contextmanager
def delivering(server: PostgresServer, schema: str, claim: Claim) -> Iterator[psycopg.Connection]:
    """Yield a connection of the former version, which commits the delivery of a success."""
    with psycopg.connect(server.url) as former:
        statement = "UPDATE {schema}.claims SET answer = '{}' WHERE transaction_id = %s"
        former.execute(in_schema(statement, schema), (claim.transaction_id,))
        yield former


def test_what_the_former_version_writes_meanwhile_is_kept(
    postgres_server: PostgresServer, schema: str
) -> None:
    """Else a success that it delivers is delivered once more."""
    claim = settled(submitted())
    made_by(postgres_server, schema, 3, [claim])
    with (
        delivering(postgres_server, schema, claim) as former,
        ThreadPoolExecutor(1) as starting,
    ):
        start = starting.submit(open_postgres, postgres_server.url, schema)
        waits = f"FROM pg_locks WHERE NOT granted AND relation = '{schema}.claims'::regclass"
        eventually(lambda: postgres_server.run(f"SELECT count(*) {waits}") == [(1,)])
        former.commit()
        with closing(start.result()) as storage:
            assert storage.claim(claim.transaction_id) == replace(claim, answer=b"{}")


@pytest.mark.once
def test_a_change_may_take_longer_than_an_answer(
    postgres_server: PostgresServer, schema: str
) -> None:
    """It may copy many claims, or wait for another process that makes it."""
    claim = settled(submitted())
    made_by(postgres_server, schema, 3, [claim])
    with (
        delivering(postgres_server, schema, claim) as former,
        ThreadPoolExecutor(1) as starting,
    ):
        start = starting.submit(open_postgres, postgres_server.url, schema, timeout_seconds=2.0)
        waits = "FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        long = f"SELECT count(*) {waits} AND now() - query_start > '3 s'"
        eventually(lambda: start.done() or postgres_server.run(long) == [(1,)])
        former.commit()
        start.result().close()


def test_no_copy_is_kept_of_no_claims(postgres_server: PostgresServer, schema: str) -> None:
    open_postgres(postgres_server.url, schema).close()
    found = postgres_server.run(f"SELECT to_regclass('{schema}.claims_version_3')")
    assert found == [(None,)]


# --- Settings and roles -----------------------------------------------------------------------


def test_it_may_be_the_ledger_alone(
    tmp_path: Path, postgres_server: PostgresServer, schema: str
) -> None:
    with closing(
        ledger_of(tmp_path, url=postgres_server.url, schema=schema, storage="false")
    ) as ledger:
        ledger.record([submitted()])
        assert ledger.last_number() == 1


def test_a_ledger_that_is_away_stops_no_start_but_is_reported(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """``facilitator check`` reports it; a facilitator starts, and waits for it."""
    url = f"postgresql://127.0.0.1:{free_port()}/name"
    with pytest.raises(PluginError, match="the payment ledger cannot start: PostgreSQL at 127"):
        ledger_of(tmp_path, is_trial=True, url=url, storage="false")
    with closing(ledger_of(tmp_path, url=url, storage="false")) as ledger:
        assert "until then payments wait in the storage for their ledger" in caplog.text
        with pytest.raises(StorageUnavailable, match="cannot be reached"):
            ledger.last_number()


GRANTS = """
    CREATE ROLE serves_{schema} LOGIN;
    GRANT USAGE ON SCHEMA {schema} TO serves_{schema};
    GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO serves_{schema};
    CREATE ROLE reports_{schema} LOGIN;
    GRANT USAGE ON SCHEMA {schema} TO reports_{schema};
    GRANT SELECT ON {schema}.payment_report, {schema}.event_report, {schema}.refusal_report
        TO reports_{schema};
"""
"""The grants in docs/how-to/postgres.md and docs/how-to/payment-ledger.md."""


def test_a_role_that_reports_lists_payments_and_nothing_else(
    tmp_path: Path, postgres_server: PostgresServer, schema: str
) -> None:
    """Another role, which may not make tables, has recorded them."""
    open_postgres(postgres_server.url, schema).close()
    postgres_server.run(GRANTS.replace("{schema}", schema))
    serves = postgres_server.url.replace("facilitator@", f"serves_{schema}@")
    with closing(storage_of(tmp_path, url=serves, schema=schema)) as storage:
        claim = delivered(settled(submitted()))
        storage.add_claim(claim)
    reports = postgres_server.url.replace("facilitator@", f"reports_{schema}@")
    with psycopg.connect(reports, autocommit=True) as connection:

        def ask(statement: str) -> list[tuple[object, ...]]:
            return connection.execute(statement.replace("x402", schema).encode()).fetchall()

        assert ask(
            "SELECT settled_at::date::text, asset, sum(amount), sum(fee) FROM x402.payment_report"
            " WHERE state = 'settled' GROUP BY 1, 2"
        ) == [("2024-10-04", "lovelace", 2_000_000, 170_000)]
        assert ask("SELECT transaction_id, delivered_to FROM x402.event_report") == [
            (claim.transaction_id, "192.0.2.7")
        ]
        assert ask("SELECT * FROM x402.refusal_report") == []
        for statement in (
            "SELECT * FROM x402.claims",
            "SELECT * FROM x402.payments",
            "DELETE FROM x402.payment_report",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                ask(statement)
