"""Metrics of every request."""

import time

import falcon

from facilitator.observability.metrics import HTTP_REQUESTS, HTTP_SECONDS, KEY_REQUESTS
from facilitator.roles.metrics import Meter

NO_ROUTE = "none"
OTHER_METHOD = "other"
METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
"""Methods counted by name; callers may send any other word."""


def count_request(
    meter: Meter, *, method: str, route: str | None, status: int, seconds: float
) -> None:
    """Count one answered request; ``route`` is the template that it matched, if any."""
    method = method if method in METHODS else OTHER_METHOD
    route = route or NO_ROUTE
    meter.count(HTTP_REQUESTS, method=method, route=route, status=str(status))
    meter.observe(HTTP_SECONDS, seconds, method=method, route=route)


class RequestMetrics:
    """Middleware that counts the requests that the app answers."""

    def __init__(self, meter: Meter) -> None:
        """Count with ``meter``."""
        self._meter = meter

    def process_response(
        self,
        req: falcon.Request,
        resp: falcon.Response,
        resource: object,  # noqa: ARG002
        req_succeeded: bool,  # noqa: ARG002
    ) -> None:
        """Count the request."""
        count_request(
            self._meter,
            method=req.method,
            route=req.uri_template,
            status=resp.status_code,
            seconds=time.perf_counter() - req.context.started,
        )
        if "caller" in req.context:
            self._meter.count(KEY_REQUESTS, key=req.context.caller)
