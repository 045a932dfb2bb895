"""Names and addresses of this machine, as a setting or the header ``Host`` has them."""

import ipaddress
import re
from functools import lru_cache

_WITH_PORT = re.compile(r"(\[[^\]]*\]|[^:]*)(?::[0-9]*)?")

_LONGEST = 253
"""Most characters that a name has; callers must not fill the cache with longer ones."""


def is_loopback(host: str) -> bool:
    """Return True for a loopback address, and for the name localhost."""
    return len(host) <= _LONGEST and _is_loopback(host)


@lru_cache(maxsize=64)
def _is_loopback(host: str) -> bool:
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        return host.lower().removesuffix(".") == "localhost"
    mapped = ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None
    return (mapped or ip).is_loopback


def is_own_host(host: str | None, listens_on: str) -> bool:
    """Return True if ``Host`` is the loopback or ``listens_on``, with any port.

    A page that has its own name resolve to this machine (DNS rebinding) sends that name. A request
    without ``Host`` is of HTTP/1.0, and of no browser.
    """
    if host is None:
        return True
    match = _WITH_PORT.fullmatch(host.strip())
    name = match[1].removeprefix("[").removesuffix("]") if match else ""
    return is_loopback(name) or (bool(name) and name.lower() == listens_on.lower())


def is_own_origin(origin: str, listens_on: str) -> bool:
    """Return True if ``Origin`` is that of a page which this machine serves to itself."""
    scheme, separator, host = origin.partition("://")
    return bool(separator) and scheme in ("http", "https") and is_own_host(host, listens_on)
