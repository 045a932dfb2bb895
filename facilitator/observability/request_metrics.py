"""The metrics of a chain provider's requests to its server."""

import time
from collections.abc import Callable
from types import TracebackType

from facilitator.observability.metrics import (
    QUOTA_REMAINING,
    QUOTA_USED,
    UPSTREAM_REQUESTS,
    UPSTREAM_RETRIES,
    UPSTREAM_SECONDS,
    UPSTREAM_WITHHELD,
)
from facilitator.roles.metrics import NO_METER, Meter


class NotSent(Exception):
    """A request that did not leave this machine. The cause is the error of the connection."""


class RequestMetrics:
    """Metrics under the labels of one provider."""

    def __init__(self, meter: Meter = NO_METER, provider: str = "", network: str = "") -> None:
        """Count requests to the provider about the network."""
        self._meter = meter
        self._names = {"provider": provider, "network": network}
        for counter in (UPSTREAM_RETRIES, UPSTREAM_WITHHELD):
            meter.count(counter, 0, **self._names)

    def request(self, endpoint: str) -> "RequestOutcome":
        """Count a ``with`` block as one request of the endpoint."""
        return RequestOutcome(self, endpoint)

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


class RequestOutcome:
    """A request under way: the caller sets its status, or an error does.

    :class:`NotSent` is the status ``unreachable``, :class:`TimeoutError` is ``timeout``, any other
    error ``failed``.
    """

    def __init__(self, metrics: RequestMetrics, endpoint: str) -> None:
        """Take the endpoint; the ``with`` block begins the request."""
        self.status = "failed"
        self._metrics = metrics
        self._endpoint = endpoint

    def __enter__(self) -> "RequestOutcome":
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
        elif isinstance(error, TimeoutError):
            self.status = "timeout"
        seconds = time.perf_counter() - self._started
        self._metrics.answered(self._endpoint, self.status, seconds)


NO_REQUEST_METRICS = RequestMetrics()
"""Metrics that keep nothing."""
