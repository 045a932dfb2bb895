"""A circuit breaker, which holds calls back for a while after repeated failures."""

import threading
import time
from collections.abc import Callable
from typing import NamedTuple

FAILURES = 3
"""Failures in a row that open the breaker."""
MIN_COOLING_SECONDS = 5.0
MAX_COOLING_SECONDS = 60.0
"""Seconds for which it stays open, at first and at most. Each failed trial doubles them."""


class Permit(NamedTuple):
    """Permission for one call, whose outcome must be reported."""

    era: int
    """Count of the changes between open and closed, so that late outcomes of an earlier era are
    ignored."""
    is_trial: bool
    """True if this call decides if the breaker closes."""


class CircuitBreaker:
    """A circuit breaker. Closed, it permits every call. Open, it permits none until it has cooled.

    Then it permits one call, the trial. Safe to use from many threads. The holder of a permit
    reports the call's outcome exactly once, by :meth:`succeeded` or :meth:`failed`.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Start closed; ``clock`` gives seconds that never go back."""
        self._clock = clock
        self._lock = threading.Lock()
        self._era = 0
        self._failures = 0
        self._openings = 0
        self._open_until: float | None = None
        self._in_trial = False
        self.reason = ""
        """Reason of the last failure."""

    @property
    def is_open(self) -> bool:
        """True if calls are held back, which lasts until a trial succeeds."""
        return self._open_until is not None

    def acquire(self) -> Permit | None:
        """Return a permit for one call now; ``None`` if calls are held back."""
        with self._lock:
            if self._open_until is None:
                return Permit(self._era, is_trial=False)
            if self._in_trial or self._clock() < self._open_until:
                return None
            self._in_trial = True
            return Permit(self._era, is_trial=True)

    def succeeded(self, permit: Permit) -> bool:
        """Record that the call was answered; return True if that closed the breaker."""
        with self._lock:
            if permit.era != self._era:
                return False
            self._failures = 0
            if not permit.is_trial:
                self._openings = 0
                return False
            self._open_until = None
            self._in_trial = False
            self._era += 1
            return True

    def failed(self, permit: Permit, reason: str) -> bool:
        """Record that the call failed; return True if that opened the breaker, which was closed."""
        with self._lock:
            if permit.era != self._era:
                return False
            self.reason = reason
            self._failures += 1
            if not permit.is_trial and self._failures < FAILURES:
                return False
            cooling = MIN_COOLING_SECONDS * 2.0 ** min(self._openings, 10)
            self._open_until = self._clock() + min(cooling, MAX_COOLING_SECONDS)
            self._openings += 1
            self._failures = 0
            self._in_trial = False
            self._era += 1
            return not permit.is_trial
