"""The schema is made, or brought to the version that this facilitator knows."""

from pathlib import Path
from typing import Any

import psycopg

from facilitator.plugin import StorageUnavailable
from facilitator_postgres.conversion import shorten_claims
from facilitator_postgres.database import Database, in_schema

STEPS = sorted(Path(__file__).with_name("migrations").glob("*.sql"))
"""The files of statements that lead from each version to the next, from 0 on."""
VERSION = len(STEPS)
LEAST_SERVER = 13
_STEP_SECONDS = 3600.0
"""Time for each statement of a change, which may copy millions of claims, or wait for another
process that makes the change."""
_SHORT_CLAIMS = 4
"""The version whose claims are made from the former ones here."""

_IS_THERE = "SELECT to_regclass('{schema}.schema_version') IS NOT NULL"
_VERSION = "SELECT version FROM {schema}.schema_version"
_HAS_SCHEMA = "SELECT to_regnamespace('{schema}') IS NOT NULL"
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('{schema}', 402))"
_ABOUT = "SELECT current_setting('server_version_num')::int, current_setting('server_encoding')"


def migrate(database: Database) -> None:
    """Make the tables, or change those of an earlier version. Raises ``StorageUnavailable``.

    All processes of a fleet may do it at once: one does, the others wait. A user who may not make
    tables can use those that are there.
    """
    try:
        with database.connections.connect() as connection:
            _check_server(database, connection)
            if _find_version(database, connection) < VERSION:
                connection.answer_seconds = _STEP_SECONDS
                with connection.transaction():
                    _migrate(database, connection)
    except psycopg.Error as error:
        raise database.explain(error) from error


def _migrate(database: Database, connection: "psycopg.Connection[Any]") -> None:
    def run(statement: str) -> "psycopg.Cursor[Any]":
        return connection.execute(in_schema(statement, database.schema))

    run(_LOCK)
    if not run(_HAS_SCHEMA).fetchall()[0][0]:
        run("CREATE SCHEMA {schema}")
    version = _find_version(database, connection)
    if version == 0:
        run("CREATE TABLE {schema}.schema_version (version integer NOT NULL)")
        run("INSERT INTO {schema}.schema_version VALUES (0)")
    for number, step in list(enumerate(STEPS, start=1))[version:]:
        run(step.read_text("utf-8"))
        if number == _SHORT_CLAIMS:
            shorten_claims(connection, lambda statement: in_schema(statement, database.schema))
    connection.execute(
        in_schema("UPDATE {schema}.schema_version SET version = %s", database.schema), (VERSION,)
    )


def _find_version(database: Database, connection: "psycopg.Connection[Any]") -> int:
    """Return the version of the tables, 0 without any. Raises ``StorageUnavailable``."""

    def ask(statement: str) -> Any:
        row = connection.execute(in_schema(statement, database.schema)).fetchone()
        return row[0] if row else 0

    version = int(ask(_VERSION)) if ask(_IS_THERE) else 0
    if version > VERSION:
        raise _unusable(
            database,
            f"has tables of version {version} in the schema {database.schema}, and this facilitator"
            f" knows none after {VERSION}: start a newer facilitator, or name another schema",
        )
    return version


def _check_server(database: Database, connection: "psycopg.Connection[Any]") -> None:
    """Refuse a server that is too old, or a database that cannot hold every text."""
    number, encoding = connection.execute(_ABOUT).fetchall()[0]
    if number < LEAST_SERVER * 10_000:
        raise _unusable(database, f"is older than version {LEAST_SERVER}: upgrade it")
    if encoding != "UTF8":
        raise _unusable(
            database, f"has a database in the encoding {encoding}: make one in the encoding UTF8"
        )


def _unusable(database: Database, complaint: str) -> StorageUnavailable:
    address = database.connections.address
    return StorageUnavailable("the storage refuses to work", f"{address} {complaint}")
