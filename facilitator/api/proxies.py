"""Which client a request came from, as far as trusted proxies tell."""

import ipaddress
import re
from collections.abc import Collection
from functools import lru_cache
from typing import TypeAlias

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

_WITH_PORT = re.compile(r"\[([^\]]*)\](?::[0-9]*)?|([0-9.]+):[0-9]*")


class TrustedProxies:
    """Addresses and networks of proxies whose forwarding headers are believed."""

    def __init__(self, proxies: Collection[str]) -> None:
        """Take IP addresses and networks in CIDR notation. Raises :class:`ValueError`."""
        self._networks: list[Network] = [ipaddress.ip_network(each) for each in proxies]
        self.trusts = lru_cache(maxsize=4096)(self._trusts)
        """Whether an address is one of theirs."""

    def client(self, peer: str, forwarded_for: str) -> str:
        """Return the address of the client behind ``peer``, which must be trusted.

        What trusted proxies say of one another at the end of ``X-Forwarded-For`` is passed over;
        the entry before is what the last of them saw. Anything in front of it may be made up. A
        port beside an address is left out, since it would make one client many.
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
