"""How many requests each client may make: moving windows of a minute."""

import logging
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.storage import MemoryStorage, Storage
from limits.strategies import MovingWindowRateLimiter

from facilitator.clock import Clock
from facilitator.roles.rate_limit import ChangesLimits, RateDecision, RateLimiter, Window, decide
from facilitator.roles.storage import StorageUnavailable
from facilitator.settings import RateLimitSettings

REPORT_SECONDS = 60
"""A limiter that fails is reported once in this time."""

_log = logging.getLogger("facilitator.rate_limits")


class MovingWindows(MemoryStorage):
    """Counts in this process' memory, each client's for as long as it matters.

    For :class:`MovingWindowRateLimiter` over windows of one length. The storage it derives from
    never forgets a client, and walks through all of them a hundred times a second.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        """Take the time in seconds from ``now``."""
        super().__init__()
        self._now = now
        self._lock = threading.Lock()
        self._hits: OrderedDict[str, deque[float]] = OrderedDict()

    def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        """Count ``amount`` hits now, unless more than ``limit`` would be in the window."""
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
        """When the oldest hit in the window was, and how many there are."""
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
        """Let go of those who have not called for a whole window; they stand first."""
        while not self._counted(oldest := next(iter(self._hits)), expiry, now):
            del self._hits[oldest]


class WindowRateLimiter:
    """A :class:`RateLimiter` for every storage of ``limits`` that keeps moving windows.

    Never more requests in any minute than the settings say, for all and for the sensitive ones.
    """

    def __init__(
        self, storage: Storage, settings: RateLimitSettings, now: Callable[[], float]
    ) -> None:
        """Keep counts in ``storage``, whose time in seconds ``now`` tells."""
        self._windows = MovingWindowRateLimiter(storage)
        self._now = now
        self.change(settings.global_per_minute, settings.sensitive_per_minute)

    def change(self, global_per_minute: int, sensitive_per_minute: int) -> None:
        """Keep these limits from now on; a limit that is new is counted from the start."""
        every = RateLimitItemPerMinute(global_per_minute, namespace="global")
        sensitive = RateLimitItemPerMinute(sensitive_per_minute, namespace="sensitive")
        self._limits: dict[bool, tuple[RateLimitItem, ...]] = {
            False: (every,),
            True: (sensitive, every),
        }

    def hit(self, client: str, *, sensitive: bool) -> RateDecision:
        """Count the request where every limit has room for it, else nowhere."""
        limits = self._limits[sensitive]
        standing = [self._window(limit, client) for limit in limits]
        allowed = all(window.used < window.limit for window in standing) and all(
            self._windows.hit(limit, client) for limit in limits
        )
        return decide(standing, allowed=allowed)

    def close(self) -> None:
        """Nothing is open."""

    def _window(self, limit: RateLimitItem, client: str) -> Window:
        stats = self._windows.get_window_stats(limit, client)
        used = limit.amount - stats.remaining
        return Window(limit.amount, used, stats.reset_time - self._now())


class OrInMemory:
    """A plugin's limiter, and counts in this process' memory for when that one fails."""

    def __init__(
        self,
        limiter: RateLimiter,
        in_memory: WindowRateLimiter,
        settings: RateLimitSettings,
        clock: Clock,
    ) -> None:
        """Ask ``limiter`` first, which keeps the limits of ``settings`` as yet."""
        self._limiter = limiter
        self._in_memory = in_memory
        self._settings = settings
        self._clock = clock
        self._silent_until = 0.0

    def hit(self, client: str, *, sensitive: bool) -> RateDecision:
        """Count the request wherever it can be counted."""
        try:
            return self._limiter.hit(client, sensitive=sensitive)
        except Exception as error:
            self._report(error)
            return self._in_memory.hit(client, sensitive=sensitive)

    def close(self) -> None:
        """Let go of what the limiters hold."""
        self._limiter.close()
        self._in_memory.close()

    def change(self, global_per_minute: int, sensitive_per_minute: int) -> None:
        """Keep these limits from now on, as far as the plugin's limiter can."""
        limits = (global_per_minute, sensitive_per_minute)
        self._in_memory.change(*limits)
        if isinstance(self._limiter, ChangesLimits):
            self._limiter.change(*limits)
        elif limits != (self._settings.global_per_minute, self._settings.sensitive_per_minute):
            _log.warning("the plugin's rate limiter keeps its limits until a restart")

    def _report(self, error: Exception) -> None:
        now = self._clock.time()
        if now >= self._silent_until:
            self._silent_until = now + REPORT_SECONDS
            _log.warning(
                "the rate limiter failed, so this process counts by itself: %s",
                error,
                exc_info=None if isinstance(error, StorageUnavailable) else error,
            )
