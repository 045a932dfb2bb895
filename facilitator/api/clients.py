"""The client behind a request, as limits count it."""

import ipaddress
from functools import lru_cache

import falcon

from facilitator.api.proxies import ip_of


def client_of(req: falcon.Request, key_name: str | None) -> str | None:
    """Return the client: ``key:`` and the name of its API key, else its address or network.

    ``None`` stands for a program of this machine, without any proxy in between.
    """
    if req.context.is_local:
        return None
    return key_client(key_name) if key_name else _network(req.remote_addr)


def key_client(key_name: str) -> str:
    """Return the client that the holder of the API key is."""
    return f"key:{key_name}"


@lru_cache(maxsize=4096)
def _network(address: str) -> str:
    """Return the address to count: of IPv6 the /64, which belongs to one customer."""
    ip = ip_of(address)
    if isinstance(ip, ipaddress.IPv6Address):
        return str(ipaddress.IPv6Network((int(ip) >> 64 << 64, 64)))
    return address if ip is None else str(ip)
