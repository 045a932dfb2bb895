"""Claims, reservations, idempotency keys and the payment ledger in PostgreSQL.

Any number of machines may share it. They also follow each chain only once. A standby may take over.
It may also be the ledger alone, for a storage elsewhere.
"""

from collections.abc import Callable, Mapping
from typing import TypeVar

from facilitator.plugin import (
    Context,
    PaymentLedger,
    PluginError,
    Storage,
    StorageUnavailable,
    hookimpl,
)
from facilitator_postgres.address import parse_address
from facilitator_postgres.database import Database
from facilitator_postgres.ledger import PostgresLedger
from facilitator_postgres.migration import migrate
from facilitator_postgres.requirements import warn_of_unsuitable
from facilitator_postgres.settings import PostgresSettings
from facilitator_postgres.storage import PostgresStorage

Opened = TypeVar("Opened", PostgresStorage, PostgresLedger)


@hookimpl
def settings_sections() -> Mapping[str, type]:
    """Return the table ``postgres``."""
    return {"postgres": PostgresSettings}


@hookimpl
def storage(context: Context) -> Storage | None:
    """Return the storage in the database that the settings name; make missing tables.

    Raises :class:`~facilitator.errors.PluginError` when it cannot be used.
    """
    settings = context.settings.section(PostgresSettings)
    return _opened(context, settings, PostgresStorage) if settings.storage else None


@hookimpl
def payment_ledger(context: Context) -> PaymentLedger | None:
    """Return the ledger in that database, if the storage is elsewhere; make missing tables.

    Raises :class:`~facilitator.errors.PluginError` when it cannot be used.
    """
    settings = context.settings.section(PostgresSettings)
    return None if settings.storage else _opened(context, settings, PostgresLedger)


def _opened(
    context: Context, settings: PostgresSettings, make: Callable[[Database], Opened]
) -> Opened:
    """Return what is kept in the database, with tables that are there and a login that follows."""
    address = parse_address(settings.url)
    database = Database(address, settings.schema, settings.connections, settings.timeout_seconds)
    opened = make(database)
    try:
        migrate(database)
        database.ping()
        warn_of_unsuitable(database)
    except StorageUnavailable as error:
        opened.close()
        what = "storage" if settings.storage else "payment ledger"
        raise PluginError(f"the {what} cannot start: {error.detail}") from error
    context.subscribe(
        lambda changed: opened.change_login(parse_address(changed.section(PostgresSettings).url))
    )
    return opened
