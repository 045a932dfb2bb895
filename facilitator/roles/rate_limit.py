"""The rate limiter: how many requests a client may make."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class RateDecision:
    """Whether a request may go on, and what the client is told of its quota."""

    allowed: bool
    limit: int
    """Requests allowed in the window."""
    remaining: int
    reset_seconds: int
    """Seconds until there is more room than ``remaining``; at least 1."""


class RateLimiter(Protocol):
    """What a rate limiter must be able to do. A plugin returns one from ``rate_limiter``.

    Called from many threads at once. Whatever it raises lets the request pass.
    """

    def hit(self, client: str, *, sensitive: bool) -> RateDecision:
        """Count one request of the client; ``sensitive`` is true for the endpoints that cost.

        ``client`` is ``key:`` and the name of an API key, or an address: IPv4, or the /64 network
        of an IPv6 address. A request that is refused does not count.
        """
        ...


@runtime_checkable
class ChangesLimits(Protocol):
    """A rate limiter whose limits can change while it counts, as SIGHUP may ask for."""

    def change(self, global_per_minute: int, sensitive_per_minute: int) -> None:
        """Allow so many requests in any minute from now on, and of the sensitive ones so many."""
        ...
