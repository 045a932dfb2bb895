"""Storages in a Redis that a test runs."""

from dataclasses import replace
from typing import Any

from facilitator.clock import Clock
from facilitator_redis.address import Address, parse_address
from facilitator_redis.script import Script
from facilitator_redis.server import Server
from facilitator_redis.storage import RedisStorage


def open_redis(
    url: str, prefix: str = "x402", timeout_seconds: float = 10.0, replicas: int = 0
) -> RedisStorage:
    """A storage; the time is ample for a machine that is busy, unless a test is about it."""
    return RedisStorage(Server(parse_address(url), timeout_seconds), prefix, replicas)


def storage_at(url: str, clock: Clock, prefix: str = "x402") -> RedisStorage:
    """A storage on a server that goes by the clock."""
    return RedisStorage(ServerAtTime(parse_address(url), clock), prefix)


class ServerAtTime(Server):
    """A server whose scripts find the time of a clock that the test moves, instead of its own."""

    def __init__(self, address: Address, clock: Clock) -> None:
        super().__init__(address, timeout_seconds=10.0)
        self._test_clock = clock

    def run(self, script: Script, *arguments: Any, **named: Any) -> Any:
        return super().run(_at_time(script, self._test_clock.time()), *arguments, **named)


def _at_time(script: Script, now: float) -> Script:
    seconds, millionths = divmod(round(now * 1_000_000), 1_000_000)
    time = f"{{'{seconds}', '{millionths}'}}"
    return replace(script, text=script.text.replace("redis.call('TIME')", time))
