"""Rate limiters that count each client's requests in moving windows of a minute."""

import logging
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.storage import MemoryStorage, Storage
from limits.strategies import MovingWindowRateLimiter

from facilitator.api.client_limits import client_limits
from facilitator.clock import Clock
from facilitator.roles.rate_limit import (
    ChangesLimits,
    ClientLimits,
    Limits,
    RateDecision,
    RateLimiter,
    TakesLimits,
    Window,
    decide,
)
from facilitator.roles.storage import StorageUnavailable
from facilitator.settings import RateLimitSettings

REPORT_SECONDS = 60
"""Interval in which a failing limiter is reported once."""

_log = logging.getLogger("facilitator.rate_limits")


class MovingWindows(MemoryStorage):
    """A storage in this process' memory that keeps each client's hits for as long as they count.

    For :class:`MovingWindowRateLimiter` over windows of one length. The base class never forgets
    a client, and walks through all of them a hundred times a second.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        """Start without hits; ``now`` gives the time in seconds."""
        super().__init__()
        self._now = now
        self._lock = threading.Lock()
        self._hits: OrderedDict[str, deque[float]] = OrderedDict()

    def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        """Count ``amount`` hits now, unless the window would then hold more than ``limit``."""
        with self._lock:
            now = self._now()
            hits = self._counted(key, expiry, now)
            if len(hits) + amount > limit:
                return False
            hits.extend([now] * amount)
            self._hits[key] = hits
            self._hits.move_to_end(key)
            self._forget(expiry, now)
            return True

    def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:  # noqa: ARG002
        """Return the time of the oldest hit in the window, and the number of hits."""
        with self._lock:
            now = self._now()
            hits = self._counted(key, expiry, now)
            return (hits[0] if hits else now), len(hits)

    def _counted(self, key: str, expiry: int, now: float) -> deque[float]:
        hits = self._hits.get(key) or deque()
        while hits and hits[0] + expiry <= now:
            hits.popleft()
        return hits

    def _forget(self, expiry: int, now: float) -> None:
        """Remove clients without a hit for a whole window; these come first."""
        while not self._counted(oldest := next(iter(self._hits)), expiry, now):
            del self._hits[oldest]


class WindowRateLimiter:
    """A :class:`RateLimiter` for every storage of ``limits`` that keeps moving windows.

    In any minute it allows no more requests than the settings say, in all and sensitive ones.
    """

    def __init__(
        self, storage: Storage, settings: RateLimitSettings, now: Callable[[], float]
    ) -> None:
        """Keep counts in ``storage``; ``now`` gives its time in seconds."""
        self._windows = MovingWindowRateLimiter(storage)
        self._now = now
        self.change(client_limits(settings))

    def change(self, limits: ClientLimits) -> None:
        """Apply these limits from now on; a new limit is counted from the start."""
        self._limits = limits

    def hit(self, client: str, *, sensitive: bool) -> RateDecision:
        """Count the request if every limit has room for it."""
        return self.hit_within(client, self._limits.of(client), sensitive=sensitive)

    def hit_within(self, client: str, limits: Limits, *, sensitive: bool) -> RateDecision:
        """Count the request if every one of these limits has room for it."""
        windows = limits.windows(sensitive=sensitive)
        items = [RateLimitItemPerMinute(most, namespace=name) for name, most in windows]
        standing = [self._window(item, client) for item in items]
        allowed = all(window.used < window.limit for window in standing) and all(
            self._windows.hit(item, client) for item in items
        )
        return decide(standing, allowed=allowed)

    def close(self) -> None:
        """Do nothing: no resource is open."""

    def _window(self, limit: RateLimitItem, client: str) -> Window:
        stats = self._windows.get_window_stats(limit, client)
        used = limit.amount - stats.remaining
        return Window(limit.amount, used, stats.reset_time - self._now(), limit.namespace)


class FallbackRateLimiter:
    """A plugin's limiter, replaced by counts in this process' memory whenever it fails."""

    def __init__(
        self,
        limiter: RateLimiter,
        in_memory: WindowRateLimiter,
        settings: RateLimitSettings,
        clock: Clock,
    ) -> None:
        """Ask ``limiter`` first, which so far applies the limits of ``settings``."""
        self._limiter = limiter
        self._in_memory = in_memory
        self._settings = settings
        self._clock = clock
        self._silent_until = 0.0

    def hit(self, client: str, *, sensitive: bool) -> RateDecision:
        """Count the request with the plugin's limiter, or in memory if that fails."""
        try:
            return self._limiter.hit(client, sensitive=sensitive)
        except Exception as error:
            self._report(error)
            return self._in_memory.hit(client, sensitive=sensitive)

    def hit_within(self, client: str, limits: Limits, *, sensitive: bool) -> RateDecision:
        """Count the request towards these limits in the same way."""
        if isinstance(self._limiter, TakesLimits):
            try:
                return self._limiter.hit_within(client, limits, sensitive=sensitive)
            except Exception as error:
                self._report(error)
        return self._in_memory.hit_within(client, limits, sensitive=sensitive)

    def close(self) -> None:
        """Close both limiters."""
        self._limiter.close()
        self._in_memory.close()

    def change(self, limits: ClientLimits) -> None:
        """Apply these limits from now on, as far as the plugin's limiter can."""
        self._in_memory.change(limits)
        if isinstance(self._limiter, ChangesLimits):
            self._limiter.change(limits)
        elif limits != client_limits(self._settings):
            _log.warning("the plugin's rate limiter keeps its limits until a restart")

    def _report(self, error: Exception) -> None:
        now = self._clock.time()
        if now >= self._silent_until:
            self._silent_until = now + REPORT_SECONDS
            known = error if isinstance(error, StorageUnavailable) else None
            _log.warning(
                "the rate limiter failed, so this process counts by itself: %s",
                known.detail if known else error,
                exc_info=None if known else error,
            )
