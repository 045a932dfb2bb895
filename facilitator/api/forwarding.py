"""Requests that were forwarded, and those of this machine's own programs."""

import ipaddress
import logging
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from facilitator.api.proxies import ip_of
from facilitator.settings.hosts import is_loopback, is_own_host, is_own_origin

_log = logging.getLogger("facilitator.http")

FORWARDED_FOR = "HTTP_X_FORWARDED_FOR"

_FORWARDING = re.compile(
    r"""HTTP_(
        FORWARDED | VIA | CDN_LOOP | CF_.* | FLY_.* | CLOUDFRONT_.* | TAILSCALE_.*
        | X_FORWARD.* | X_ORIGINAL_.* | X_ENVOY_.* | X_AMZ_CF_ID | X_AZURE_.* | X_APPENGINE_.*
        | X_VERCEL_.* | X_NF_.* | X_ARR_.* | X_REAL_.* | X_(REMOTE|SOURCE|PROXYUSER)_(IP|ADDR)
        | X_ORIGINATING_IP | X_COMING_FROM | (.*_)?CLIENT_?IP | (.*_)?CONNECTING_IP
        | X_CLUSTER_.* | REMOTE_(IP|ADDR|HOST)
    )""",
    re.VERBOSE,
)
"""Headers by which proxies, tunnels, sidecars and CDNs name the client or themselves."""
_SHOWN = 40


def forwarding_headers(environ: Mapping[str, Any]) -> list[str]:
    """Return the WSGI names of the headers that only a proxy adds."""
    return list(_find_forwarding(tuple(environ)))


@lru_cache(maxsize=64)
def _find_forwarding(names: tuple[str, ...]) -> tuple[str, ...]:
    """Find them among all names of a request. Cached, as most requests have the same names."""
    return tuple(filter(_FORWARDING.fullmatch, names))


def is_local(environ: Mapping[str, Any], peer: str, listens_on: str) -> bool:
    """Return True if a program of this machine sent a request that nothing forwarded.

    A web page is none, though its browser runs here. It shows by the name that it calls, or by its
    own address.
    """
    if not (is_loopback(peer) and is_own_host(environ.get("HTTP_HOST"), listens_on)):
        return False
    origin = environ.get("HTTP_ORIGIN")
    if origin is not None and not is_own_origin(origin, listens_on):
        return False
    return bool(environ.get("HTTP_SEC_FETCH_SITE") != "cross-site")


class ForwardingWarnings:
    """Warnings of proxies that the settings do not allow for, each at most twice."""

    def __init__(self) -> None:
        """Begin with no warning given."""
        self._given: set[tuple[str, bool]] = set()

    def unknown_proxy(self, peer: str, headers: Sequence[str]) -> None:
        """Warn that a peer forwards requests, and is not trusted."""
        self._warn(
            "requests come forwarded by %s (%s), which server.trusted_proxies does not name:"
            " all its clients count as one, and none as this machine",
            peer,
            headers,
        )

    def silent_proxy(self, peer: str, headers: Sequence[str]) -> None:
        """Warn that a trusted proxy does not say for whom."""
        self._warn(
            "the trusted proxy %s forwards requests (%s) without X-Forwarded-For:"
            " all its clients count as one",
            peer,
            headers,
        )

    def _warn(self, sentence: str, peer: str, headers: Sequence[str]) -> None:
        # A client far away can send such headers too. It must not use up the warning of a proxy.
        ip = ip_of(peer)
        kind = (sentence, ip is not None and _is_near(ip))
        if kind not in self._given:
            self._given.add(kind)
            header = headers[0].removeprefix("HTTP_").replace("_", "-").title()[:_SHOWN]
            _log.warning(sentence, peer, header)


def _is_near(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    return ip.is_private or ip.is_loopback
