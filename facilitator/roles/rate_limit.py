"""The rate limiter, which limits the requests of each client."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class RateDecision:
    """The decision on one request, and the client's quota for the response headers."""

    allowed: bool
    """True if the request may go on."""
    limit: int
    """Requests allowed in the window."""
    remaining: int
    """Requests that are left in the window."""
    reset_seconds: int
    """Seconds until more than ``remaining`` requests are allowed; at least 1."""
    name: str = "global"
    """The limit that these figures are of: ``global`` or ``sensitive``."""


class Window(NamedTuple):
    """A client's use of one window before its request."""

    limit: int
    """Requests allowed in the window."""
    used: int
    """Requests in it."""
    reset_seconds: float
    """Seconds until the oldest of them leaves the window; the window's length if there is none."""
    name: str = "global"
    """The limit that the window is of: ``global`` or ``sensitive``."""


class Limits(NamedTuple):
    """The requests that a client may make in any minute."""

    global_per_minute: int
    """Requests of any endpoint."""
    sensitive_per_minute: int
    """Requests of endpoints that cost, which count towards both."""

    def windows(self, *, sensitive: bool) -> tuple[tuple[str, int], ...]:
        """Return the limits that a request counts towards, by name."""
        every = ("global", self.global_per_minute)
        return (("sensitive", self.sensitive_per_minute), every) if sensitive else (every,)


class ClientLimits(NamedTuple):
    """The limits of clients without an API key, and of each API key."""

    anonymous: Limits
    """The limits of an address."""
    keyed: Limits
    """The limits of an API key."""

    def of(self, client: str) -> Limits:
        """Return the limits of a client as :meth:`RateLimiter.hit` gets it."""
        return self.keyed if client.startswith("key:") else self.anonymous


def decide(windows: Sequence[Window], *, allowed: bool) -> RateDecision:
    """Return the decision by the windows in which the request was counted, or refused.

    It shows the window with the fewest requests left, and of several the one that resets last.
    """
    nearest = min(windows, key=lambda each: (each.limit - each.used, -each.reset_seconds))
    remaining = nearest.limit - nearest.used - 1 if allowed else 0
    seconds = max(1, math.ceil(nearest.reset_seconds))
    return RateDecision(allowed, nearest.limit, remaining, seconds, nearest.name)


class RateLimiter(Protocol):
    """A counter of requests per client. A plugin returns one from the hook ``rate_limiter``.

    Its methods are called from many threads at once, like a gate: for at most
    ``hooks.gate_seconds``. If :meth:`hit` raises, the request is counted in the memory of the
    process instead; that is logged once a minute.
    """

    def hit(self, client: str, *, sensitive: bool) -> RateDecision:
        """Count one request of the client and return the decision on it.

        Not called below ``/health``, for this machine's own requests, nor for the ``/settle`` of a
        payment that ``/verify`` has counted.

        ``client`` is ``key:`` and the name of an API key, or an address: IPv4, or the /64 network
        of an IPv6 address. ``sensitive`` is true for ``/verify``,
        ``/settle``, ``/status`` and ``/inspect``. A refused request does
        not count.
        """
        ...

    def close(self) -> None:
        """Close connections. Called once, at shutdown."""
        ...


@runtime_checkable
class TakesLimits(Protocol):
    """A rate limiter that counts a client towards limits of its own, as an API key may have.

    With any other, each process counts such a client by itself.
    """

    def hit_within(self, client: str, limits: Limits, *, sensitive: bool) -> RateDecision:
        """Count one request of the client towards ``limits``, as :meth:`RateLimiter.hit` does."""
        ...


@runtime_checkable
class ChangesLimits(Protocol):
    """A rate limiter whose limits can change while it counts, for a reload by SIGHUP.

    Any other keeps its limits until a restart, which is logged.
    """

    def change(self, limits: ClientLimits) -> None:
        """Apply these limits from now on."""
        ...
