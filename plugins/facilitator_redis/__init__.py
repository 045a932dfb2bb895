"""Claims, reservations and idempotency keys in Redis or Valkey, for any number of machines.

It uses one server, one behind Sentinel, or a Cluster. The processes that share it also follow each
chain only once, and count their clients' requests together.
"""

from collections.abc import Mapping
from contextlib import suppress

from facilitator.plugin import (
    Context,
    PluginError,
    RateLimiter,
    Storage,
    StorageUnavailable,
    hookimpl,
)
from facilitator_redis.address import Form, parse_address
from facilitator_redis.former import let_former_reservations_expire
from facilitator_redis.names import Names
from facilitator_redis.rate_limits import TIMEOUT_SECONDS, RedisRateLimiter
from facilitator_redis.server import Server
from facilitator_redis.settings import RedisSettings
from facilitator_redis.storage import RedisStorage


@hookimpl
def settings_sections() -> Mapping[str, type]:
    """Return the table ``redis``."""
    return {"redis": RedisSettings}


@hookimpl
def storage(context: Context) -> Storage:
    """Return the storage in the Redis that the settings name.

    Raises :class:`~facilitator.errors.PluginError` when it cannot be used.
    """
    settings = context.settings.section(RedisSettings)
    try:
        address = parse_address(settings.url)
        if settings.replicas and address.form is Form.CLUSTER:
            raise PluginError("redis.replicas must be 0 with a Cluster: use Sentinel instead")
        server = Server(address, settings.timeout_seconds)
        storage = RedisStorage(server, settings.prefix, settings.replicas)
        storage.ping()
        let_former_reservations_expire(server, Names(settings.prefix))
    except StorageUnavailable as error:
        raise PluginError(f"the storage cannot start: {error.detail}") from error
    _follow_login(context, server)
    return storage


@hookimpl
def rate_limiter(context: Context) -> RateLimiter | None:
    """Return the rate limiter for all processes that share the prefix, unless it is switched off.

    It has connections of its own: it gives up early, and the storage must not seem away then.
    """
    settings = context.settings.section(RedisSettings)
    if not settings.rate_limits:
        return None
    server = Server(parse_address(settings.url), TIMEOUT_SECONDS, is_logged=False)
    with suppress(StorageUnavailable):
        server.read("PING")  # connects, so that no request waits for it
    _follow_login(context, server)
    return RedisRateLimiter(server, Names(settings.prefix), context.settings.rate_limit)


def _follow_login(context: Context, server: Server) -> None:
    """Have the login follow the settings, which SIGHUP may change.

    Settings that name another Redis need a restart, and do not come here.
    """
    context.subscribe(
        lambda settings: server.change_login(parse_address(settings.section(RedisSettings).url))
    )
