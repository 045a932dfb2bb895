"""Storages in a Redis that a test runs."""

from facilitator_redis.address import parse_address
from facilitator_redis.server import Server
from facilitator_redis.storage import RedisStorage


def open_redis(
    url: str, prefix: str = "x402", timeout_seconds: float = 10.0, replicas: int = 0
) -> RedisStorage:
    """A storage; the time is ample for a machine that is busy, unless a test is about it."""
    return RedisStorage(Server(parse_address(url), timeout_seconds), prefix, replicas)
