"""The requirements of claims on the settings of PostgreSQL."""

import logging
import threading
import time

from facilitator_postgres.database import Database

LOOK_SECONDS = 60.0
"""Minimum seconds between two looks: settings change, and a failover leads to another server."""

_log = logging.getLogger("facilitator.postgres")

_SETTINGS = "SELECT name, setting FROM pg_settings WHERE name = ANY (%s)"
_UNSAFE = {
    "fsync": ("off",),
    "full_page_writes": ("off",),
    "synchronous_commit": ("off",),
}


class Requirements:
    """The settings of PostgreSQL that can lose claims, logged when they are seen first."""

    def __init__(self, database: Database) -> None:
        """Ask nothing yet."""
        self._database = database
        self._lock = threading.Lock()
        self._look_at = float("-inf")
        self._known: frozenset[str] = frozenset()

    def check(self) -> None:
        """Log a warning for each such setting that was not there at the last look.

        Raises ``StorageUnavailable``.
        """
        with self._lock:
            now = time.monotonic()
            if now < self._look_at:
                return
            self._look_at = now + LOOK_SECONDS
        rows = self._database.read(_SETTINGS, list(_UNSAFE))
        found = {name: value for name, value in rows if value in _UNSAFE[name]}
        for name in sorted(found.keys() - self._known):
            _log.warning(
                "PostgreSQL may lose acknowledged claims when it stops (%s is %s), and successes"
                " can then be delivered twice: set %s to on",
                name,
                found[name],
                name,
            )
        self._known = frozenset(found)
