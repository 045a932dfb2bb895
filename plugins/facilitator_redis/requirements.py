"""The requirements of claims on the settings of Redis."""

import logging

from facilitator.plugin import StorageUnavailable
from facilitator_redis.server import Server

_log = logging.getLogger("facilitator.redis")


def warn_of_unsuitable(server: Server) -> None:
    """Log a warning for each setting of Redis that can lose claims.

    Log none if its access rules forbid the question.
    """
    try:
        policy = server.info("memory").get("maxmemory_policy", "noeviction")
        keeps_log = server.info("persistence").get("aof_enabled", 1)
    except StorageUnavailable as error:
        _log.debug("Redis does not say how it is set up: %s", error.detail)
        return
    if policy != "noeviction":
        _log.warning(
            "Redis deletes claims when it is full (maxmemory-policy %s), and a success can then be"
            " delivered twice: set maxmemory-policy to noeviction",
            policy,
        )
    if not keeps_log:
        _log.warning(
            "Redis keeps no append-only file: changes since its last snapshot are lost when it"
            " stops, and successes can then be delivered twice: set appendonly to yes"
        )
