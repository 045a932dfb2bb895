"""Claims, reservations and idempotency keys in one SQLite file.

The processes of one machine that name the same file share it. It outlives them.
"""

from collections.abc import Mapping

from facilitator.plugin import Context, PluginError, Storage, StorageUnavailable, hookimpl
from facilitator_sqlite.settings import SqliteSettings
from facilitator_sqlite.storage import SqliteStorage


@hookimpl
def settings_sections() -> Mapping[str, type]:
    """Return the table ``sqlite``."""
    return {"sqlite": SqliteSettings}


@hookimpl
def storage(context: Context) -> Storage:
    """Return the storage in the file that the settings name; create a missing file.

    Raises :class:`~facilitator.errors.PluginError` when it cannot be used.
    """
    try:
        path = context.settings.section(SqliteSettings).path
        return SqliteStorage(path, is_trial=context.is_trial)
    except StorageUnavailable as error:
        raise PluginError(f"the storage cannot start: {error.detail}") from error
