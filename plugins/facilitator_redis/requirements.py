"""Whether the Redis that was found is set up to keep claims."""

import logging

from facilitator.plugin import StorageUnavailable
from facilitator_redis.server import Server

_log = logging.getLogger("facilitator.redis")


def warn_of_unsuitable(server: Server) -> None:
    """Log a warning for each setting of Redis that can lose claims.

    Nothing when it may not be asked, as by its access rules.
    """
    try:
        policy = server.info("memory").get("maxmemory_policy", "noeviction")
        keeps_log = server.info("persistence").get("aof_enabled", 1)
    except StorageUnavailable as error:
        _log.debug("Redis does not say how it is set up: %s", error)
        return
    if policy != "noeviction":
        _log.warning(
            "Redis deletes claims when it is full (maxmemory-policy %s), and payments can then be"
            " told as paid twice: set maxmemory-policy to noeviction",
            policy,
        )
    if not keeps_log:
        _log.warning(
            "Redis keeps no append-only file: what it was told since its last snapshot is lost when"
            " it stops, and successes can then be told twice: set appendonly to yes"
        )
