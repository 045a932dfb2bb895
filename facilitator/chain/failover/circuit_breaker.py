"""A circuit breaker: after repeated failures, nobody is sent to what is down for a while."""

import threading
import time
from collections.abc import Callable
from typing import NamedTuple

FAILURES = 3
"""Failures in a row that open the breaker."""
MIN_COOLING_SECONDS = 5.0
MAX_COOLING_SECONDS = 60.0
"""How long it stays open at first and at most; each trial that fails doubles it."""


class Ticket(NamedTuple):
    """Leave to make one call, whose outcome is to be told."""

    era: int
    """Counts the changes between open and closed, so that late news of an earlier era is told
    apart."""
    is_trial: bool
    """Whether this call decides if the breaker closes."""


class Breaker:
    """Closed, everybody may call. Open, nobody may until it has cooled, then one: the trial.

    Safe to use from many threads. Whoever got a ticket tells how the call went, exactly once.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """``clock`` gives seconds that never go back."""
        self._clock = clock
        self._lock = threading.Lock()
        self._era = 0
        self._failures = 0
        self._openings = 0
        self._open_until: float | None = None
        self._in_trial = False
        self.reason = ""
        """Why the last call that failed did."""

    @property
    def is_open(self) -> bool:
        """Whether calls are held back; so it is until a trial succeeds."""
        return self._open_until is not None

    def admit(self) -> Ticket | None:
        """Leave to call now; ``None`` when there is none."""
        with self._lock:
            if self._open_until is None:
                return Ticket(self._era, is_trial=False)
            if self._in_trial or self._clock() < self._open_until:
                return None
            self._in_trial = True
            return Ticket(self._era, is_trial=True)

    def succeeded(self, ticket: Ticket) -> bool:
        """Return the call got an answer; whether that closed the breaker."""
        with self._lock:
            if ticket.era != self._era:
                return False
            self._failures = 0
            if not ticket.is_trial:
                self._openings = 0
                return False
            self._open_until = None
            self._in_trial = False
            self._era += 1
            return True

    def failed(self, ticket: Ticket, reason: str) -> bool:
        """Return the call got no answer; whether that opened the breaker, which was closed."""
        with self._lock:
            if ticket.era != self._era:
                return False
            self.reason = reason
            self._failures += 1
            if not ticket.is_trial and self._failures < FAILURES:
                return False
            cooling = MIN_COOLING_SECONDS * 2.0 ** min(self._openings, 10)
            self._open_until = self._clock() + min(cooling, MAX_COOLING_SECONDS)
            self._openings += 1
            self._failures = 0
            self._in_trial = False
            self._era += 1
            return not ticket.is_trial
