"""The plugin's settings."""

import re
from dataclasses import dataclass

from facilitator.plugin import setting
from facilitator_redis.address import parse_address


def _names_a_server(url: str) -> str | None:
    try:
        parse_address(url)
    except ValueError as error:
        return str(error)
    return None


def _is_same_redis(former: str, new: str) -> bool:
    return parse_address(former).is_same_redis(parse_address(new))


def _fits_into_keys(prefix: str) -> str | None:
    if not re.fullmatch(r"[A-Za-z0-9_.:-]{1,64}", prefix):
        return "must be 1 to 64 letters, digits, dots, colons, dashes or underscores"
    return None


@dataclass(frozen=True)
class RedisSettings:
    """The table ``redis``."""

    url: str = setting(
        "redis://127.0.0.1:6379/0",
        "Where Redis or Valkey is, with user and password if it needs them.",
        secret=True,
        check=_names_a_server,
        reloads=_is_same_redis,
    )
    prefix: str = setting(
        "x402",
        "What the names of all keys begin with; who has the same one shares the records.",
        check=_fits_into_keys,
    )
    rate_limits: bool = setting(
        True, "Whether all that share the prefix count their clients' requests together."
    )
    replicas: int = setting(
        0,
        "How many replicas must have each change of a claim before it counts.",
        minimum=0,
        maximum=10,
    )
    timeout_seconds: float = setting(
        2.0, "Seconds that an answer of Redis is waited for.", minimum=1, maximum=60
    )
