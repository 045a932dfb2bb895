"""Watches the leases of others by this process' monotonic clock.

The end of a lease was written by another machine's clock, which may be wrong by any amount. What
this process can see for itself is that a lease is not renewed: once it has stood unchanged for its
own length, it is over.
"""

import threading
import time
from collections.abc import Callable, Hashable
from typing import NamedTuple

MAX_WATCHED = 10_000
"""Leases watched at once. In a crowd others are watched when these have ended."""

_FORGOTTEN_AFTER = 3
"""Lengths of a lease after which one that was not seen again is watched no longer."""


class _Watched(NamedTuple):
    """A lease as it was seen last, with seconds by the monotonic clock."""

    token: Hashable
    since: float
    """The first time that it was seen so."""
    last_at: float


class LeaseWatch:
    """Leases of one length, by name. Safe to use from many threads."""

    def __init__(
        self,
        seconds: float,
        monotonic: Callable[[], float] = time.monotonic,
        *,
        limit: int = MAX_WATCHED,
    ) -> None:
        """Watch leases that last for ``seconds``, at most ``limit`` at once."""
        self._seconds = seconds
        self._monotonic = monotonic
        self._limit = limit
        self._lock = threading.Lock()
        self._watched: dict[Hashable, _Watched] = {}
        """In the order in which they were seen last."""

    def is_over(self, name: Hashable, token: Hashable = None) -> bool:
        """Return True if the lease was seen unchanged for as long as a lease lasts.

        ``token`` was just read, and differs whenever the lease was renewed. It may be left out
        where the name differs then.
        """
        with self._lock:
            now = self._monotonic()
            known = self._watched.pop(name, None)
            if known is None and not self._has_room(now):
                return False
            since = known.since if known is not None and known.token == token else now
            self._watched[name] = _Watched(token, since, now)
            return now - since >= self._seconds

    def _has_room(self, now: float) -> bool:
        """Return True if one more can be watched; forget one that has not been seen for long."""
        if len(self._watched) < self._limit:
            return True
        oldest = next(iter(self._watched))
        # Never one that is still seen: going round, all of them would begin again each time.
        if now - self._watched[oldest].last_at < _FORGOTTEN_AFTER * self._seconds:
            return False
        del self._watched[oldest]
        return True
