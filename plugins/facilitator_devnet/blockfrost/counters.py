"""How often each endpoint was called."""

from collections import Counter
from threading import Lock
from typing import Any


class Counters:
    """Counts requests, those that a fault spoils too, until they are reset."""

    def __init__(self) -> None:
        """Begin at nothing."""
        self._lock = Lock()
        self._counts: Counter[str] = Counter()

    def count(self, endpoint: str) -> None:
        """Count a request of the endpoint."""
        with self._lock:
            self._counts[endpoint] += 1

    def counts(self) -> dict[str, Any]:
        """``{"total": …, "by_endpoint": {"GET /txs/{hash}/utxos": …}}``."""
        with self._lock:
            by_endpoint = dict(self._counts)
        return {"total": sum(by_endpoint.values()), "by_endpoint": by_endpoint}

    def reset(self) -> None:
        """Begin at nothing again."""
        with self._lock:
            self._counts.clear()
