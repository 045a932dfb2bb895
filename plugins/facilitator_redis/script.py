"""A Lua script, and the clock that scripts go by."""

import hashlib
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Script:
    """A script and the name under which a server keeps it once it has run."""

    text: str
    writes: bool = True
    """False if it only reads, so that its success does not show that the server takes writes."""
    sha1: str = field(init=False)

    def __post_init__(self) -> None:
        """Compute the name."""
        digest = hashlib.sha1(self.text.encode(), usedforsecurity=False)
        object.__setattr__(self, "sha1", digest.hexdigest())


SERVER_NOW = """
local time = redis.call('TIME')
local server_now = tonumber(time[1]) + tonumber(time[2]) / 1000000
"""
"""Defines ``server_now``, the server's time in Unix seconds: one clock for all that share it."""

SERVER_TIME = Script(f"{SERVER_NOW} return string.format('%.6f', server_now)", writes=False)
"""KEYS: any, so that a Cluster asks the server of the other records. Returns ``server_now``."""
