"""Storages and payment ledgers in a PostgreSQL that a test runs."""

from facilitator_postgres.address import parse_address
from facilitator_postgres.database import Database
from facilitator_postgres.ledger import PostgresLedger
from facilitator_postgres.migration import migrate
from facilitator_postgres.storage import PostgresStorage


def open_postgres(
    url: str, schema: str = "x402", timeout_seconds: float = 30.0, connections: int = 8
) -> PostgresStorage:
    """A storage; the time is ample for a machine that is busy, unless a test is about it."""
    return PostgresStorage(_open(url, schema, timeout_seconds, connections))


def open_postgres_ledger(
    url: str, schema: str = "x402", timeout_seconds: float = 30.0
) -> PostgresLedger:
    """A ledger for another storage."""
    database = _open(url, schema, timeout_seconds, 4)
    return PostgresLedger(database, database.for_reports())


def _open(url: str, schema: str, timeout_seconds: float, connections: int) -> Database:
    database = Database(parse_address(url), schema, connections, timeout_seconds)
    migrate(database)
    return database
