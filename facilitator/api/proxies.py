"""The client behind a request, by the headers of trusted proxies."""

import ipaddress
import re
from collections.abc import Collection
from functools import lru_cache
from typing import TypeAlias

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

_WITH_PORT = re.compile(r"\[([^\]]*)\](?::[0-9]*)?|([0-9.]+):[0-9]*")


class TrustedProxies:
    """The addresses and networks of proxies whose forwarding headers are used."""

    def __init__(self, proxies: Collection[str]) -> None:
        """Take IP addresses and networks in CIDR notation. Raises :class:`ValueError`."""
        self._networks: list[Network] = [ipaddress.ip_network(each) for each in proxies]
        self.trusts = lru_cache(maxsize=4096)(self._trusts)
        """Returns True if an address is one of a trusted proxy."""

    def client(self, peer: str, forwarded_for: str) -> str:
        """Return the address of the client behind ``peer``, which must be trusted.

        Skips the entries of trusted proxies at the end of ``X-Forwarded-For``. The entry before
        them is the peer that the first of these proxies saw; anything before it may be made up.
        Leaves out a port beside an address, since it would make many clients of one.
        """
        client = peer
        for hop in reversed(forwarded_for.split(",")):
            if hop.strip():
                client = _without_port(hop.strip())
            if not self.trusts(client):
                break
        return client

    def _trusts(self, address: str) -> bool:
        ip = ip_of(address)
        return ip is not None and any(ip in network for network in self._networks)


def ip_of(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return the address, IPv4 also where a dual-stack socket shows it within IPv6."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return None  # a proxy may forward other things, such as "unknown"
    return (ip.version == 6 and ip.ipv4_mapped) or ip


def _without_port(hop: str) -> str:
    match = _WITH_PORT.fullmatch(hop)
    return (match[1] or match[2]) if match else hop
