"""The rate limiter: how many requests a client may make."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class RateDecision:
    """Whether a request may go on, and what the client is told of its quota."""

    allowed: bool
    limit: int
    """Requests allowed in the window."""
    remaining: int
    reset_seconds: int
    """Seconds until there is more room than ``remaining``; at least 1."""


class Window(NamedTuple):
    """How a client stood in one window before its request."""

    limit: int
    """Requests allowed in the window."""
    used: int
    """Requests in it."""
    reset_seconds: float
    """Seconds until the oldest of them leaves it; its whole length when there is none."""


def decided(windows: Sequence[Window], *, allowed: bool) -> RateDecision:
    """What a client is told of the windows that its request was counted in, or refused by.

    That is the one that holds it up first, and of several the one that does so longest.
    """
    nearest = min(windows, key=lambda each: (each.limit - each.used, -each.reset_seconds))
    remaining = nearest.limit - nearest.used - 1 if allowed else 0
    seconds = max(1, math.ceil(nearest.reset_seconds))
    return RateDecision(allowed, nearest.limit, remaining, seconds)


class RateLimiter(Protocol):
    """What a rate limiter must be able to do. A plugin returns one from ``rate_limiter``.

    Called from many threads at once. Whatever it raises has the request counted in the memory of
    the process in its place.
    """

    def hit(self, client: str, *, sensitive: bool) -> RateDecision:
        """Count one request of the client; ``sensitive`` is true for the endpoints that cost.

        ``client`` is ``key:`` and the name of an API key, or an address: IPv4, or the /64 network
        of an IPv6 address. A request that is refused does not count.
        """
        ...

    def close(self) -> None:
        """Let go of connections. Called once, at shutdown."""
        ...


@runtime_checkable
class ChangesLimits(Protocol):
    """A rate limiter whose limits can change while it counts, as SIGHUP may ask for."""

    def change(self, global_per_minute: int, sensitive_per_minute: int) -> None:
        """Allow so many requests in any minute from now on, and of the sensitive ones so many."""
        ...
