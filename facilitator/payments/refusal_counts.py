"""Counts of refused requests, kept in memory until the payment ledger takes them."""

import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from facilitator.clock import Clock
from facilitator.roles.payment_ledger import RefusalCount

MAX_KINDS = 1_000
"""Kinds that are counted between two calls of :meth:`RefusalCounts.take`; others are left out."""
MAX_SAMPLE_LENGTH = 300
"""Characters of a sample that are kept."""


class RefusalCounts:
    """Counts by day, endpoint, reason and caller. Safe to use from many threads."""

    def __init__(self, clock: Clock) -> None:
        """Start at nothing."""
        self._clock = clock
        self._lock = threading.Lock()
        self._counts: dict[tuple[str, str, str, str], RefusalCount] = {}

    def add(self, endpoint: str, reason: str, caller: str | None, message: str | None) -> None:
        """Count a request to ``endpoint`` (``verify`` or ``settle``) that was refused."""
        now = self._clock.time()
        day = datetime.fromtimestamp(now, UTC).date().isoformat()
        key = (day, endpoint, str(reason), caller or "")
        with self._lock:
            known = self._counts.get(key)
            if known is None and len(self._counts) >= MAX_KINDS:
                return
            count = 1 if known is None else known.count + 1
            self._counts[key] = RefusalCount(*key, count, now, (message or "")[:MAX_SAMPLE_LENGTH])

    def take(self) -> Sequence[RefusalCount]:
        """Return all counts, and start again."""
        with self._lock:
            counts, self._counts = self._counts, {}
        return list(counts.values())

    def put_back(self, counts: Sequence[RefusalCount]) -> None:
        """Add counts again that the ledger did not take."""
        with self._lock:
            for each in counts:
                key = (each.day, each.endpoint, each.reason, each.caller)
                newer = self._counts.get(key)
                if newer is not None:
                    self._counts[key] = replace(newer, count=newer.count + each.count)
                elif len(self._counts) < MAX_KINDS:
                    self._counts[key] = each
