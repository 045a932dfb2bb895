"""The look-ups of outputs that one provider fails: all else may work, and no payment is judged."""

import logging
import threading
from collections.abc import Callable

from facilitator.chain.failover.circuit_breaker import FAILURES
from facilitator.roles.chain_errors import ChainUnavailable

MANY = FAILURES + 1
"""Failures in a row that are logged: when nothing else works either, fewer open the breaker."""
RECENT_SECONDS = 20.0
"""Seconds for which failures count that no further look-up has followed."""

_log = logging.getLogger("facilitator.chain")


class LookupWatch:
    """The failures in a row of a provider's look-ups of outputs. Safe to use from many threads."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """Have seen none yet; ``clock`` gives seconds that never go back."""
        self._clock = clock
        self._lock = threading.Lock()
        self._failures = 0
        self._failed_at = 0.0
        self._reason = ""

    def failed(self, who: str, error: ChainUnavailable) -> None:
        """Count a failure, and log when there are too many in a row."""
        with self._lock:
            self._failures += 1
            self._failed_at = self._clock()
            self._reason = str(error)
            is_news = self._failures == MANY
        if is_news:
            _log.warning("%s fails to look outputs up: %s", who, error.detail)

    def worked(self, who: str) -> None:
        """Count from none again, and log it if failures were logged."""
        if not self._failures:  # spares successful calls the lock
            return
        with self._lock:
            was_logged, self._failures = self._failures >= MANY, 0
        if was_logged:
            _log.info("%s looks outputs up again", who)

    def check(self) -> None:
        """Raise :class:`ChainUnavailable` while the last few look-ups have failed."""
        with self._lock:
            is_recent = self._clock() < self._failed_at + RECENT_SECONDS
            if self._failures >= MANY and is_recent:
                raise ChainUnavailable(f"outputs cannot be looked up: {self._reason}")
