"""The sight of a follower: that it is blind, since when and why."""

import threading
from datetime import UTC, datetime

from facilitator.clock import Clock
from facilitator.roles.chain_errors import ChainUnavailable

BLIND_AFTER = 2
"""Failures in a row after which a follower is blind; one alone happens and passes."""


class Sight:
    """The failures of one follower since it last saw a block or the tip. For many threads."""

    def __init__(self, clock: Clock) -> None:
        """See; ``clock`` says since when not."""
        self._clock = clock
        self._lock = threading.Lock()
        self._failures = 0
        self._since = 0.0
        self._why = ""

    @property
    def is_lost(self) -> bool:
        """True if the chain cannot be followed for now."""
        return self._failures >= BLIND_AFTER

    def lose(self, why: str) -> None:
        """Take in a failure, in the words of its error."""
        with self._lock:
            if not self._failures:
                self._since = self._clock.time()
            self._failures += 1
            self._why = why

    def regain(self) -> None:
        """Take in that blocks or the tip were seen."""
        if self._failures:
            with self._lock:
                self._failures = 0

    def check(self) -> None:
        """Raise :class:`ChainUnavailable`, with time and reason, while it is lost."""
        with self._lock:
            if self.is_lost:
                since = datetime.fromtimestamp(self._since, UTC).isoformat(timespec="seconds")
                since = since.replace("+00:00", "Z")
                raise ChainUnavailable(f"blocks cannot be followed since {since}: {self._why}")
