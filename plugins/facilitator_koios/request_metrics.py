"""The metrics of the requests to one Koios."""

import time
from collections.abc import Callable
from types import TracebackType

from facilitator.plugin import (
    NO_METER,
    QUOTA_REMAINING,
    QUOTA_USED,
    UPSTREAM_REQUESTS,
    UPSTREAM_RETRIES,
    UPSTREAM_SECONDS,
    UPSTREAM_WITHHELD,
    Meter,
)
from facilitator_koios.wire import NotSent, TooSlow


class RequestMetrics:
    """Metrics under the labels of one provider."""

    def __init__(self, meter: Meter, provider: str, network: str) -> None:
        """Count requests to the provider about the network."""
        self._meter = meter
        self._names = {"provider": provider, "network": network}
        for counter in (UPSTREAM_RETRIES, UPSTREAM_WITHHELD):
            meter.count(counter, 0, **self._names)

    def request(self, endpoint: str) -> "Outcome":
        """Count a ``with`` block as one request of the endpoint."""
        return Outcome(self, endpoint)

    def answered(self, endpoint: str, status: str, seconds: float) -> None:
        """Count a request that is over."""
        self._meter.count(UPSTREAM_REQUESTS, **self._names, endpoint=endpoint, status=status)
        self._meter.observe(UPSTREAM_SECONDS, seconds, **self._names, endpoint=endpoint)

    def retry(self) -> None:
        """Count a request that is about to be repeated."""
        self._meter.count(UPSTREAM_RETRIES, **self._names)

    def withheld(self) -> None:
        """Count a request that was not made."""
        self._meter.count(UPSTREAM_WITHHELD, **self._names)

    def quota(self, *, used: Callable[[], float], remaining: Callable[[], float]) -> None:
        """Show the requests of the day that are used, and those that remain."""
        self._meter.gauge(QUOTA_USED, used, **self._names)
        self._meter.gauge(QUOTA_REMAINING, remaining, **self._names)


class Outcome:
    """A request under way: the caller sets its status, or an error does."""

    def __init__(self, metrics: RequestMetrics, endpoint: str) -> None:
        """Take the endpoint; the ``with`` block begins the request."""
        self.status = "failed"
        self._metrics = metrics
        self._endpoint = endpoint

    def __enter__(self) -> "Outcome":
        """Begin."""
        self._started = time.perf_counter()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End, and count."""
        if isinstance(error, NotSent):
            self.status = "unreachable"
        elif isinstance(error, TooSlow):
            self.status = "timeout"
        seconds = time.perf_counter() - self._started
        self._metrics.answered(self._endpoint, self.status, seconds)


NO_REQUEST_METRICS = RequestMetrics(NO_METER, "", "")
