"""Claims, reservations and idempotency keys in PostgreSQL, for any number of machines.

The processes that share it also follow each chain only once. A standby may take over.
"""

from collections.abc import Mapping

from facilitator.plugin import Context, PluginError, Storage, StorageUnavailable, hookimpl
from facilitator_postgres.address import parse_address
from facilitator_postgres.database import Database
from facilitator_postgres.migration import migrate
from facilitator_postgres.requirements import warn_of_unsuitable
from facilitator_postgres.settings import PostgresSettings
from facilitator_postgres.storage import PostgresStorage


@hookimpl
def settings_sections() -> Mapping[str, type]:
    """Return the table ``postgres``."""
    return {"postgres": PostgresSettings}


@hookimpl
def storage(context: Context) -> Storage:
    """Return the storage in the database that the settings name; make missing tables.

    Raises :class:`~facilitator.errors.PluginError` when it cannot be used.
    """
    settings = context.settings.section(PostgresSettings)
    database = Database(
        parse_address(settings.url),
        settings.schema,
        settings.connections,
        settings.timeout_seconds,
    )
    storage = PostgresStorage(database)
    try:
        migrate(database)
        storage.ping()
        warn_of_unsuitable(database)
    except StorageUnavailable as error:
        storage.close()
        raise PluginError(f"the storage cannot start: {error.detail}") from error
    context.subscribe(
        lambda changed: database.change_login(parse_address(changed.section(PostgresSettings).url))
    )
    return storage
