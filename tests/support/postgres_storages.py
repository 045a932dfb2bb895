"""Storages in a PostgreSQL that a test runs."""

from facilitator_postgres.address import parse_address
from facilitator_postgres.database import Database
from facilitator_postgres.migration import migrate
from facilitator_postgres.storage import PostgresStorage


def open_postgres(
    url: str, schema: str = "x402", timeout_seconds: float = 30.0, connections: int = 8
) -> PostgresStorage:
    """A storage; the time is ample for a machine that is busy, unless a test is about it."""
    database = Database(parse_address(url), schema, connections, timeout_seconds)
    migrate(database)
    return PostgresStorage(database)
