"""The CPU seconds that each client's scripts may take."""

import threading
import time
from collections.abc import Callable
from typing import NamedTuple

MOST_CLIENTS = 10_000
"""Clients remembered; the one that was counted first is forgotten first."""

_MINUTE = 60.0


class _Left(NamedTuple):
    """The seconds that a client had left, at a monotonic time."""

    seconds: float
    at: float


class TimeBudget:
    """CPU seconds by client, earned again within a minute. Safe to use from many threads."""

    def __init__(
        self,
        seconds_of: Callable[[str], float],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Give each client ``seconds_of`` it in any minute, on average."""
        self._seconds_of = seconds_of
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._left: dict[str, _Left] = {}

    def left(self, client: str) -> float:
        """Return the CPU seconds that the client has left; negative after an overrun."""
        with self._lock:
            return self._left_now(client)

    def seconds_until(self, least: float, client: str) -> float:
        """Return the seconds until the client has so many CPU seconds left; at most 0 if it has."""
        with self._lock:
            missing = min(least, self._seconds_of(client)) - self._left_now(client)
            return missing * _MINUTE / self._seconds_of(client)

    def spend(self, client: str, seconds: float) -> None:
        """Take CPU seconds from what the client has left."""
        with self._lock:
            left = self._left_now(client) - seconds
            self._left.pop(client, None)
            self._left[client] = _Left(left, self._monotonic())
            if len(self._left) > MOST_CLIENTS:
                del self._left[next(iter(self._left))]

    def _left_now(self, client: str) -> float:
        full = self._seconds_of(client)
        known = self._left.get(client)
        if known is None:
            return full
        earned = (self._monotonic() - known.at) / _MINUTE * full
        return min(full, known.seconds + earned)
