"""How many requests a client may make, as a plugin's rate limiter has it."""

import logging

import falcon

from facilitator.api.errors import ApiError
from facilitator.roles.rate_limit import RateDecision, RateLimiter

SENSITIVE = frozenset({"verify", "settle", "status", "inspect"})
"""First path segments of what costs us work or upstream calls."""
UNLIMITED = frozenset({"health"})

logger = logging.getLogger("facilitator.api")


class RateLimit:
    """Answers 429 to clients beyond their quota, and tells every client what is left of its own."""

    def __init__(self, limiter: RateLimiter) -> None:
        """Ask this limiter. When it fails, requests pass: it protects, it does not decide."""
        self._limiter = limiter

    def process_request(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Count the request. Raises :class:`ApiError` 429."""
        area = req.path.split("/")[1]
        if area in UNLIMITED:
            return
        decision = self._hit(req.remote_addr, sensitive=area in SENSITIVE)
        if decision is None:
            return
        headers = {
            "RateLimit-Limit": str(decision.limit),
            "RateLimit-Remaining": str(decision.remaining),
            "RateLimit-Reset": str(decision.reset_seconds),
        }
        if not decision.allowed:
            message = f"Too many requests; try again in {decision.reset_seconds} seconds."
            headers["Retry-After"] = str(decision.reset_seconds)
            raise ApiError(429, "rate_limited", message, headers)
        resp.set_headers(headers)

    def _hit(self, client: str, *, sensitive: bool) -> RateDecision | None:
        try:
            return self._limiter.hit(client, sensitive=sensitive)
        except Exception:
            logger.exception("the rate limiter failed; requests pass unlimited")
            return None
