"""The limit of a client's requests, by the rate limiter."""

import ipaddress
from collections.abc import Callable
from functools import lru_cache
from typing import TypeAlias

import falcon

from facilitator.api.errors import ApiError
from facilitator.api.proxies import ip_of
from facilitator.observability.metrics import RATE_LIMITED
from facilitator.roles.metrics import Meter
from facilitator.roles.rate_limit import RateDecision, RateLimiter

SENSITIVE = frozenset({"verify", "settle", "status", "inspect"})
"""First path segments of endpoints that cost work or upstream calls."""
UNLIMITED = frozenset({"health"})
"""First path segments of endpoints that supervisors and balancers ask all the time."""
HEADERS = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")
"""Headers that show a client its quota (draft-ietf-httpapi-ratelimit-headers-06)."""

CallerOf: TypeAlias = Callable[[falcon.Request], str | None]
"""A function that returns the name of the API key in a request, if it has a valid one."""


class RateLimit:
    """Middleware that answers 429 to clients beyond their quota, and shows every client its own.

    A client is a valid API key, else an address. Connections from this machine that no proxy
    forwards have no limit.
    """

    def __init__(self, limiter: RateLimiter, caller_of: CallerOf, meter: Meter) -> None:
        """Ask ``limiter``, which must not raise."""
        self._limiter = limiter
        self._caller_of = caller_of
        self._meter = meter

    def process_request(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Count the request. Raises :class:`ApiError` 429."""
        area = req.path.lstrip("/").partition("/")[0]
        if area in UNLIMITED or _is_local(req):
            return
        # A browser's preflight costs nothing.
        sensitive = area in SENSITIVE and req.method != "OPTIONS"
        decision = self._hit(req, sensitive=sensitive)
        figures = (decision.limit, decision.remaining, decision.reset_seconds)
        headers = dict(zip(HEADERS, map(str, figures), strict=True))
        if not decision.allowed:
            self._meter.count(RATE_LIMITED, endpoints="sensitive" if sensitive else "others")
            message = f"Too many requests; try again in {decision.reset_seconds} seconds."
            headers["Retry-After"] = str(decision.reset_seconds)
            raise ApiError(429, "rate_limited", message, headers)
        resp.set_headers(headers)

    def _hit(self, req: falcon.Request, *, sensitive: bool) -> RateDecision:
        name = self._caller_of(req)
        client = f"key:{name}" if name else _network(req.remote_addr)
        return self._limiter.hit(client, sensitive=sensitive)


def _is_local(req: falcon.Request) -> bool:
    """Return True if the request comes from this machine, without a (trusted) proxy in between."""
    return "HTTP_X_FORWARDED_FOR" not in req.env and _is_loopback(req.remote_addr)


@lru_cache(maxsize=4096)
def _is_loopback(address: str) -> bool:
    ip = ip_of(address)
    return ip is not None and ip.is_loopback


@lru_cache(maxsize=4096)
def _network(address: str) -> str:
    """Return the address to count: of IPv6 the /64, which belongs to one customer."""
    ip = ip_of(address)
    if isinstance(ip, ipaddress.IPv6Address):
        return str(ipaddress.IPv6Network((int(ip) >> 64 << 64, 64)))
    return address if ip is None else str(ip)
