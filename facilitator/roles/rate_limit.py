"""The rate limiter, which limits the requests of each client."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class RateDecision:
    """The decision on one request, and the client's quota for the response headers."""

    allowed: bool
    limit: int
    """Requests allowed in the window."""
    remaining: int
    reset_seconds: int
    """Seconds until more than ``remaining`` requests are allowed; at least 1."""


class Window(NamedTuple):
    """A client's use of one window before its request."""

    limit: int
    """Requests allowed in the window."""
    used: int
    """Requests in it."""
    reset_seconds: float
    """Seconds until the oldest of them leaves the window; the window's length if there is none."""


def decide(windows: Sequence[Window], *, allowed: bool) -> RateDecision:
    """Return the decision by the windows in which the request was counted, or refused.

    It shows the window with the fewest requests left, and of several the one that resets last.
    """
    nearest = min(windows, key=lambda each: (each.limit - each.used, -each.reset_seconds))
    remaining = nearest.limit - nearest.used - 1 if allowed else 0
    seconds = max(1, math.ceil(nearest.reset_seconds))
    return RateDecision(allowed, nearest.limit, remaining, seconds)


class RateLimiter(Protocol):
    """A counter of requests per client. A plugin returns one from the hook ``rate_limiter``.

    Its methods are called from many threads at once. If :meth:`hit` raises, the request is counted
    in the memory of the process instead.
    """

    def hit(self, client: str, *, sensitive: bool) -> RateDecision:
        """Count one request of the client and return the decision on it.

        ``client`` is ``key:`` and the name of an API key, or an address: IPv4, or the /64 network
        of an IPv6 address. ``sensitive`` is true for endpoints that cost. A refused request does
        not count.
        """
        ...

    def close(self) -> None:
        """Close connections. Called once, at shutdown."""
        ...


@runtime_checkable
class ChangesLimits(Protocol):
    """A rate limiter whose limits can change while it counts, for a reload by SIGHUP."""

    def change(self, global_per_minute: int, sensitive_per_minute: int) -> None:
        """Change the limits, in requests in any minute: of all, and of the sensitive ones."""
        ...
