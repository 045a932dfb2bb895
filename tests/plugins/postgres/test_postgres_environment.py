"""Variables that libpq reads, and that other programs of the machine may have set."""

import os
from contextlib import closing
from pathlib import Path

import pytest

from facilitator.testing.examples import example_claim
from support.postgres_plugin import storage_of
from support.postgres_servers import PostgresServer, needs_postgres

pytestmark = needs_postgres

OF_OTHERS = {
    "PGHOSTADDR": "192.0.2.1",  # libpq connects to it, whatever host the URL names
    "PGSERVICE": "another",
    "PGOPTIONS": "-c default_transaction_read_only=on",
    "PGTZ": "Nowhere/Else",
    "PGREQUIREAUTH": "scram-sha-256",
}


@pytest.mark.parametrize("name", OF_OTHERS)
def test_a_variable_of_libpq_changes_nothing_and_is_told(
    tmp_path: Path,
    postgres_server: PostgresServer,
    schema: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    name: str,
) -> None:
    monkeypatch.setenv(name, OF_OTHERS[name])
    with closing(storage_of(tmp_path, url=postgres_server.url, schema=schema)) as storage:
        claim = example_claim()
        assert storage.add_claim(claim) == claim
    (told,) = [each.message for each in caplog.records if "environment" in each.message]
    assert f"so not {name}:" in told
    assert OF_OTHERS[name] not in told
    assert name not in os.environ
