"""The requirements of claims on the settings of Redis."""

import logging
import threading
import time

from facilitator.plugin import StorageUnavailable
from facilitator_redis.server import Server

LOOK_SECONDS = 60.0
"""Minimum seconds between two looks: settings change, and a failover leads to another server."""

_log = logging.getLogger("facilitator.redis")


class Requirements:
    """The settings of Redis that can lose claims, logged when they are seen first."""

    def __init__(self, server: Server) -> None:
        """Ask nothing yet."""
        self._server = server
        self._lock = threading.Lock()
        self._look_at = float("-inf")
        self._known: frozenset[str] = frozenset()

    def check(self) -> None:
        """Log a warning for each such setting that was not there at the last look.

        Log none if the access rules of Redis forbid the question.
        """
        with self._lock:
            now = time.monotonic()
            if now < self._look_at:
                return
            self._look_at = now + LOOK_SECONDS
        try:
            found = frozenset(_complaints(self._server))
        except StorageUnavailable as error:
            _log.debug("Redis does not say how it is set up: %s", error.detail)
            return
        for each in sorted(found - self._known):
            _log.warning("%s", each)
        self._known = found


def _complaints(server: Server) -> list[str]:
    """Return a sentence for each setting that can lose claims. Raises ``StorageUnavailable``."""
    found = []
    policy = server.info("memory").get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        found.append(
            f"Redis deletes claims when it is full (maxmemory-policy {policy}), and a success can"
            " then be delivered twice: set maxmemory-policy to noeviction"
        )
    if not server.info("persistence").get("aof_enabled", 1):
        found.append(
            "Redis keeps no append-only file: changes since its last snapshot are lost when it"
            " stops, and successes can then be delivered twice: set appendonly to yes"
        )
    return found
