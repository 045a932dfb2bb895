"""The number of requests of each endpoint."""

from collections import Counter
from threading import Lock
from typing import Any


class Counters:
    """The counts of requests until they are reset, also of those that a fault spoils."""

    def __init__(self) -> None:
        """Begin at zero."""
        self._lock = Lock()
        self._counts: Counter[str] = Counter()

    def count(self, endpoint: str) -> None:
        """Count a request of the endpoint."""
        with self._lock:
            self._counts[endpoint] += 1

    def counts(self) -> dict[str, Any]:
        """Return ``{"total": …, "by_endpoint": {"GET /txs/{hash}/utxos": …}}``."""
        with self._lock:
            by_endpoint = dict(self._counts)
        return {"total": sum(by_endpoint.values()), "by_endpoint": by_endpoint}

    def reset(self) -> None:
        """Begin at zero again."""
        with self._lock:
            self._counts.clear()
