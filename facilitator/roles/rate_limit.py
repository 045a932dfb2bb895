"""The rate limiter: how many requests a client may make."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class RateDecision:
    """Whether a request may go on, and what the client is told of its quota."""

    allowed: bool
    limit: int
    """Requests allowed in the window."""
    remaining: int
    reset_seconds: int
    """Seconds until the window starts anew."""


class RateLimiter(Protocol):
    """What a rate limiter must be able to do. A plugin returns one from ``rate_limiter``."""

    def hit(self, client: str, *, sensitive: bool) -> RateDecision:
        """Count one request of the client; ``sensitive`` is true for the endpoints that cost."""
        ...
