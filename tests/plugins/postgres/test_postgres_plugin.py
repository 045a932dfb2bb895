"""The plugin as it is enabled: settings, tables, warnings, and the reasons why it cannot start."""

import logging
from contextlib import closing
from pathlib import Path

import pytest

from facilitator.errors import ConfigInvalidError
from facilitator.roles.sharing import SharesOutputs
from facilitator.roles.storage import HasServerTime, StorageUnavailable
from facilitator.testing.border import unguarded
from facilitator.testing.examples import example_claim
from facilitator.testing.redis_server import free_port
from facilitator.testing.waiting import eventually
from facilitator_postgres import requirements
from facilitator_postgres.migration import VERSION
from facilitator_postgres.storage import PostgresStorage
from support.postgres_plugin import QUOTED, refusal, storage_of
from support.postgres_servers import PostgresServer, needs_postgres
from support.postgres_storages import open_postgres

pytestmark = needs_postgres


def test_postgres_is_chosen_by_its_name(
    tmp_path: Path, postgres_server: PostgresServer, schema: str
) -> None:
    with closing(storage_of(tmp_path, url=postgres_server.url, schema=schema)) as storage:
        assert isinstance(unguarded(storage), PostgresStorage)
        assert isinstance(storage, SharesOutputs)
        assert isinstance(storage, HasServerTime)
        assert (storage.is_shared, storage.is_durable) == (True, True)


def test_a_server_that_is_away_stops_the_start(tmp_path: Path) -> None:
    port = free_port()
    told = refusal(tmp_path, f"postgresql://user:{QUOTED}@127.0.0.1:{port}/name")
    assert told.startswith(
        f"the storage cannot start: PostgreSQL at 127.0.0.1:{port} cannot be reached ("
    )
    assert told.endswith("Connection refused); start it, or correct postgres.url")


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("url", "http://:hidden@127.0.0.1", r"postgres\.url: must begin with postgresql://"),
        ("url", "postgresql://hidden@host/x?no=1", r"postgres\.url: must be a URL as libpq"),
        ("schema", 'x"; DROP', r"postgres\.schema: must be 1 to 63 small letters"),
        ("schema", "pg_mine", r"postgres\.schema: must be 1 to 63 small letters"),
        ("schema", "x" * 64, r"postgres\.schema: must be 1 to 63 small letters"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, name: str, value: str, words: str) -> None:
    with pytest.raises(ConfigInvalidError, match=words) as caught:
        storage_of(tmp_path, **{name: value})
    assert "hid" not in str(caught.value)


def test_who_has_another_schema_or_database_shares_nothing(
    postgres_server: PostgresServer, schema: str
) -> None:
    postgres_server.run(f"CREATE DATABASE other_{schema}")
    elsewhere = postgres_server.url.replace("/postgres", f"/other_{schema}")
    with (
        closing(open_postgres(postgres_server.url, schema)) as storage,
        closing(open_postgres(postgres_server.url, f"{schema}_other")) as other_schema,
        closing(open_postgres(elsewhere, schema)) as other_database,
        closing(open_postgres(postgres_server.url, schema)) as same,
    ):
        claim = storage.add_claim(example_claim())
        assert other_schema.claim(claim.transaction_id) is None
        assert other_database.claim(claim.transaction_id) is None
        assert same.claim(claim.transaction_id) == claim


# --- Versions ---------------------------------------------------------------------------------


def test_tables_of_a_newer_version_are_refused(
    tmp_path: Path, postgres_server: PostgresServer, schema: str
) -> None:
    open_postgres(postgres_server.url, schema).close()
    postgres_server.run(f"UPDATE {schema}.schema_version SET version = {VERSION + 1}")
    assert refusal(tmp_path, postgres_server.url, schema=schema).endswith(
        f"has tables of version {VERSION + 1} in the schema {schema}, and this facilitator knows"
        f" none after {VERSION}: start a newer facilitator, or name another schema"
    )


def test_a_database_in_another_encoding_is_refused(
    tmp_path: Path, postgres_server: PostgresServer, schema: str
) -> None:
    name = f"latin_{schema}"
    postgres_server.run(f"CREATE DATABASE {name} ENCODING 'LATIN1' TEMPLATE template0")
    url = postgres_server.url.replace("/postgres", f"/{name}")
    assert "in the encoding LATIN1: make one in the encoding UTF8" in refusal(tmp_path, url)


def test_a_claim_that_cannot_be_read_is_reported(
    postgres_server: PostgresServer, schema: str
) -> None:
    with closing(open_postgres(postgres_server.url, schema)) as storage:
        claim = storage.add_claim(example_claim())
        postgres_server.run(f"UPDATE {schema}.claims SET record = '\\x02'")
        with pytest.raises(StorageUnavailable, match="cannot be read"):
            storage.claim(claim.transaction_id)


# --- Roles ------------------------------------------------------------------------------------

ROLES = """
    CREATE ROLE serves_{schema} LOGIN;
    GRANT USAGE ON SCHEMA {schema} TO serves_{schema};
    GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO serves_{schema};
    CREATE ROLE reports_{schema} LOGIN;
    GRANT USAGE ON SCHEMA {schema} TO reports_{schema};
    GRANT SELECT ON {schema}.claims TO reports_{schema};
"""
"""The grants in docs/how-to/postgres.md."""


def test_a_role_without_rights_to_make_tables_serves(
    tmp_path: Path, postgres_server: PostgresServer, schema: str
) -> None:
    open_postgres(postgres_server.url, schema).close()
    postgres_server.run(ROLES.replace("{schema}", schema))
    url = postgres_server.url.replace("facilitator@", f"serves_{schema}@")
    with closing(storage_of(tmp_path, url=url, schema=schema)) as storage:
        claim = storage.add_claim(example_claim())
        assert list(storage.open_claims()) == [claim]


def test_a_role_that_reports_cannot_serve(
    tmp_path: Path, postgres_server: PostgresServer, schema: str
) -> None:
    open_postgres(postgres_server.url, schema).close()
    postgres_server.run(ROLES.replace("{schema}", schema))
    url = postgres_server.url.replace("facilitator@", f"reports_{schema}@")
    assert "forbids this user what the facilitator needs" in refusal(tmp_path, url, schema=schema)


def test_no_other_role_can_put_a_function_in_the_place_of_the_systems(
    postgres_server: PostgresServer, schema: str
) -> None:
    """One in the schema public would match better than the one that is meant."""
    postgres_server.run(
        "CREATE OR REPLACE FUNCTION public.greatest_of(integer) RETURNS integer LANGUAGE sql"
        " AS 'SELECT 1'"
    )
    with closing(open_postgres(postgres_server.url, schema)) as storage:
        assert storage._database.read("SHOW search_path") == [("pg_catalog",)]


# --- What is warned of ------------------------------------------------------------------------


def test_a_server_that_may_lose_claims_is_warned_of(
    tmp_path: Path, postgres_server: PostgresServer, schema: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The servers of tests do not wait for their disk."""
    with caplog.at_level(logging.WARNING):
        storage_of(tmp_path, url=postgres_server.url, schema=schema).close()
    (warning,) = (record.getMessage() for record in caplog.records)
    assert "(fsync is off)" in warning


def test_what_changes_after_the_start_is_warned_of_once(
    postgres_server: PostgresServer,
    schema: str,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As when a failover leads to a server that is set up in another way."""
    monkeypatch.setattr(requirements, "LOOK_SECONDS", 0.0)
    url = postgres_server.url
    with closing(open_postgres(url, schema)) as storage:
        storage.ping()
        caplog.clear()
        storage.ping()
        assert caplog.messages == []
        monkeypatch.setitem(requirements._UNSAFE, "synchronous_commit", ("on",))
        for _ in range(2):
            storage.ping()
    (told,) = caplog.messages
    assert "(synchronous_commit is on)" in told


def test_a_storage_that_was_closed_holds_no_connection(
    postgres_server: PostgresServer, schema: str
) -> None:
    url = f"{postgres_server.url}?application_name={schema}"
    count = f"SELECT count(*) FROM pg_stat_activity WHERE application_name = '{schema}'"
    storage = open_postgres(url, schema)
    storage.ping()
    assert postgres_server.run(count) != [(0,)]
    storage.close()
    eventually(lambda: postgres_server.run(count) == [(0,)])
    with pytest.raises(StorageUnavailable, match="is closed"):
        storage.ping()
