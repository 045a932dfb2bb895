"""Keeps claims, reservations and idempotency keys in Redis or Valkey, for any number of machines.

One server, one behind Sentinel, or a Cluster. Also lets the processes that share it follow each
chain only once.
"""

from collections.abc import Mapping

from facilitator import hookimpl
from facilitator.context import Context
from facilitator.errors import PluginError
from facilitator.roles.storage import Storage, StorageUnavailable
from facilitator_redis.address import parse_address
from facilitator_redis.server import Server
from facilitator_redis.settings import RedisSettings
from facilitator_redis.storage import RedisStorage
from facilitator_redis.suitability import warn_of_unsuitable


@hookimpl
def settings_sections() -> Mapping[str, type]:
    """The table ``redis``."""
    return {"redis": RedisSettings}


@hookimpl
def storage(context: Context) -> Storage:
    """The storage in the Redis that the settings name.

    Raises :class:`~facilitator.errors.PluginError` when it cannot be used.
    """
    settings = context.settings.section(RedisSettings)
    try:
        server = Server(parse_address(settings.url), settings.timeout_seconds)
        storage = RedisStorage(server, settings.prefix)
        storage.ping()
    except StorageUnavailable as error:
        raise PluginError(f"the storage cannot start: {error}") from error
    warn_of_unsuitable(server)
    return storage
