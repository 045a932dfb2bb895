"""Claims, reservations, idempotency keys and the payment ledger in PostgreSQL.

Any number of machines may share it. They also follow each chain only once. A standby may take over.
It may also be the ledger alone, for a storage elsewhere.
"""

import logging
from collections.abc import Mapping

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
from facilitator_postgres.environment import forget_variables
from facilitator_postgres.ledger import PostgresLedger
from facilitator_postgres.migration import migrate
from facilitator_postgres.requirements import Requirements
from facilitator_postgres.settings import PostgresSettings
from facilitator_postgres.storage import PostgresStorage

_log = logging.getLogger("facilitator.postgres")


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
    if not settings.storage:
        return None
    database = _database(settings)
    storage = PostgresStorage(database)
    try:
        migrate(database)
        storage.ping()
    except StorageUnavailable as error:
        storage.close()
        raise PluginError(f"the storage cannot start: {error.detail}") from error
    _follow_login(context, storage)
    return storage


@hookimpl
def payment_ledger(context: Context) -> PaymentLedger | None:
    """Return the ledger in that database, if the storage is elsewhere; make missing tables.

    No payment waits for it. So it may be away at the start, but not when ``facilitator check``
    tries it: that raises :class:`~facilitator.errors.PluginError`.
    """
    settings = context.settings.section(PostgresSettings)
    if settings.storage:
        return None
    database = _database(settings)
    ledger = PostgresLedger(database, database.for_reports(), prepare=lambda: _prepare(database))
    try:
        ledger.prepare()
    except StorageUnavailable as error:
        if context.is_trial:
            ledger.close()
            raise PluginError(f"the payment ledger cannot start: {error.detail}") from error
        _log.error("%s; until then payments wait in the storage for their ledger", error.detail)
    _follow_login(context, ledger)
    return ledger


def _database(settings: PostgresSettings) -> Database:
    forget_variables()
    address = parse_address(settings.url)
    return Database(address, settings.schema, settings.connections, settings.timeout_seconds)


def _prepare(database: Database) -> None:
    migrate(database)
    Requirements(database).check()


def _follow_login(context: Context, opened: PostgresStorage | PostgresLedger) -> None:
    """Have the login follow the settings, which SIGHUP may change."""
    context.subscribe(
        lambda changed: opened.change_login(parse_address(changed.section(PostgresSettings).url))
    )
