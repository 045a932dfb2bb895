"""The requirements of claims on the settings of PostgreSQL."""

import logging

from facilitator_postgres.database import Database

_log = logging.getLogger("facilitator.postgres")

_SETTINGS = "SELECT name, setting FROM pg_settings WHERE name = ANY (%s)"
_UNSAFE = {
    "fsync": ("off",),
    "full_page_writes": ("off",),
    "synchronous_commit": ("off",),
}


def warn_of_unsuitable(database: Database) -> None:
    """Log a warning for each setting of PostgreSQL that can lose claims."""
    for name, value in sorted(database.read(_SETTINGS, list(_UNSAFE))):
        if value in _UNSAFE[name]:
            _log.warning(
                "PostgreSQL may lose acknowledged claims when it stops (%s is %s), and successes"
                " can then be delivered twice: set %s to on",
                name,
                value,
                name,
            )
