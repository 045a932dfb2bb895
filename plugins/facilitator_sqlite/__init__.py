"""Claims, reservations, idempotency keys and the payment ledger in one SQLite file.

The processes of one machine that name the same file share it. It outlives them. It may also be the
ledger alone, for a storage elsewhere.
"""

from collections.abc import Mapping

from facilitator.plugin import (
    Context,
    PaymentLedger,
    PluginError,
    Storage,
    StorageUnavailable,
    hookimpl,
)
from facilitator_sqlite.database import Database
from facilitator_sqlite.ledger import SqliteLedger
from facilitator_sqlite.settings import SqliteSettings
from facilitator_sqlite.storage import BUSY_SECONDS, SqliteStorage


@hookimpl
def settings_sections() -> Mapping[str, type]:
    """Return the table ``sqlite``."""
    return {"sqlite": SqliteSettings}


@hookimpl
def storage(context: Context) -> Storage | None:
    """Return the storage in the file that the settings name; create a missing file.

    Raises :class:`~facilitator.errors.PluginError` when it cannot be used.
    """
    settings = context.settings.section(SqliteSettings)
    if not settings.storage:
        return None
    try:
        return SqliteStorage(settings.path, is_trial=context.is_trial)
    except StorageUnavailable as error:
        raise PluginError(f"the storage cannot start: {error.detail}") from error


@hookimpl
def payment_ledger(context: Context) -> PaymentLedger | None:
    """Return the ledger in that file, if the storage is elsewhere; create a missing file.

    Raises :class:`~facilitator.errors.PluginError` when it cannot be used.
    """
    settings = context.settings.section(SqliteSettings)
    if settings.storage:
        return None
    try:
        database = Database(settings.path, BUSY_SECONDS, is_trial=context.is_trial)
    except StorageUnavailable as error:
        raise PluginError(f"the payment ledger cannot start: {error.detail}") from error
    return SqliteLedger(database)
