"""The limit of a client's requests, by the rate limiter."""

from collections.abc import Callable
from functools import partial
from typing import TypeAlias

import falcon

from facilitator.api.callers import Sender
from facilitator.api.clients import client_of, key_client
from facilitator.api.errors import ApiError
from facilitator.observability.metrics import RATE_LIMITED
from facilitator.roles.metrics import Meter
from facilitator.roles.rate_limit import Limits, RateDecision, RateLimiter, TakesLimits

SENSITIVE = frozenset({"verify", "settle", "status", "inspect"})
"""First path segments of endpoints that cost work or upstream calls."""
UNLIMITED = frozenset({"health"})
"""First path segments of endpoints that supervisors and balancers ask all the time."""
HEADERS = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset", "RateLimit-Policy")
"""Headers that show a client its quota (draft-ietf-httpapi-ratelimit-headers-06).

The last one names the limit that the others are of.
"""

SenderOf: TypeAlias = Callable[[falcon.Request], Sender]
"""A function that finds the sender of a request by its API key."""


class RateLimit:
    """Middleware that answers 429 to clients beyond their quota, and shows every client its own.

    A client is a valid API key, else an address. Connections from this machine that no proxy
    forwards have no limit.
    """

    def __init__(self, limiter: RateLimiter, sender_of: SenderOf, meter: Meter) -> None:
        """Ask ``limiter``, which must not raise."""
        self._limiter = limiter
        self._sender_of = sender_of
        self._meter = meter

    def process_request(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Count the request. Raises :class:`ApiError` 429.

        A request of ``/settle`` is left to :func:`count_request`: its payment may have been counted
        by ``/verify``.
        """
        area = req.path.lstrip("/").partition("/")[0]
        if area in UNLIMITED:
            return
        address = client_of(req, None)
        if address is None:
            return
        caller = self._sender_of(req).caller
        client = address if caller is None else key_client(caller.name)
        limits = None if caller is None else caller.limits
        # A browser's preflight costs nothing.
        sensitive = area in SENSITIVE and req.method != "OPTIONS"
        count = partial(self._count, resp, client, limits, sensitive=sensitive)
        if area == "settle" and req.method == "POST":
            req.context.count = count
        else:
            count()

    def _count(
        self, resp: falcon.Response, client: str, limits: Limits | None, *, sensitive: bool
    ) -> None:
        if limits is not None and isinstance(self._limiter, TakesLimits):
            decision = self._limiter.hit_within(client, limits, sensitive=sensitive)
        else:
            decision = self._limiter.hit(client, sensitive=sensitive)
        headers = _headers(decision)
        resp.set_headers(headers)
        if decision.allowed:
            return
        self._meter.count(RATE_LIMITED, endpoints="sensitive" if sensitive else "others")
        seconds = decision.reset_seconds
        message = f"Too many requests; try again in {seconds} seconds."
        raise ApiError(429, "rate_limited", message, {**headers, "Retry-After": str(seconds)})


def count_request(req: falcon.Request, is_counted: Callable[[], bool] = lambda: False) -> None:
    """Count a request of ``/settle``, unless it is counted already or no limit applies.

    Raises :class:`ApiError` 429.
    """
    count: Callable[[], None] | None = getattr(req.context, "count", None)
    if count is not None and not is_counted():
        count()


def _headers(decision: RateDecision) -> dict[str, str]:
    policy = f'{decision.limit};w=60;name="{decision.name}"'
    figures = (decision.limit, decision.remaining, decision.reset_seconds, policy)
    return dict(zip(HEADERS, map(str, figures), strict=True))
