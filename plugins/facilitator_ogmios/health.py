"""``GET /health``: the version of Ogmios, and if it has a node."""

import re
from typing import Any

import orjson

from facilitator.cardano.ogmios.fields import Malformed, table, text
from facilitator.plugin import ChainUnavailable, HttpBounds, ServerLacks, TimedHttp, one_line
from facilitator_ogmios.client import malformed
from facilitator_ogmios.connection import Target

OLDEST = (6, 6)
NEWEST_KNOWN = 7
"""The major version up to which this is known to work."""
MOST_BYTES = 64 * 1024

Version = tuple[int, int, int]

_VERSION = re.compile(r"v?([0-9]{1,4})\.([0-9]{1,4})(?:\.([0-9]{1,4}))?\b")
_NOT_KNOWN: Version = (0, 0, 0)


def examine(target: Target, timeout: float) -> str:
    """Return the version in a line. Raises :class:`ServerLacks`, :class:`ChainUnavailable`."""
    version = read_version(target, timeout)
    if version == _NOT_KNOWN:
        return "a version that is not known"
    name = f"version {version[0]}.{version[1]}"
    if version[:2] < OLDEST:
        raise ServerLacks(f"its {name} is too old: at least {OLDEST[0]}.{OLDEST[1]} is needed")
    return name if version[0] <= NEWEST_KNOWN else f"{name}, newer than what is known"


def read_version(target: Target, timeout: float) -> Version:
    """Return the version, zeros if it is not known. Raises :class:`ChainUnavailable`."""
    try:
        health = table(_get(target, timeout), "health")
        if health.get("connectionStatus") == "disconnected":
            raise ChainUnavailable("Ogmios is not connected to its node")
        shown = text(health, "version")
    except Malformed as error:
        raise malformed(error) from None
    found = _VERSION.match(shown)
    if found is None:
        return _NOT_KNOWN
    return int(found[1]), int(found[2]), int(found[3] or 0)


def _get(target: Target, timeout: float) -> Any:
    """Return the JSON of the answer, whatever its status: 202 is syncing, 500 disconnected."""
    url = f"http{target.url.removeprefix('ws').rstrip('/')}/health"
    bounds = HttpBounds(timeout, MOST_BYTES)
    try:
        body = TimedHttp(uses_proxy=False).ask(url, bounds, headers=target.headers).body
    except OSError as error:
        words = "cannot connect to Ogmios"
        raise ChainUnavailable(words, f"{words}: {one_line(error)}") from None
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Malformed("health is no JSON") from None
