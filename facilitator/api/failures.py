"""Answers of 5xx: each is reported to one function."""

import logging
from collections.abc import Callable, Mapping
from typing import TypeAlias

import falcon

OnFailure: TypeAlias = Callable[[BaseException, Mapping[str, str]], None]
"""A function to call for a request answered with 5xx; the mapping is a :func:`failure_context`."""

logger = logging.getLogger("facilitator.api")


class DeliberateServerError(Exception):
    """An answer of 5xx on purpose, without an exception behind it."""


def failure_context(
    *, request_id: str, method: str, url: str, path: str, status: int
) -> dict[str, str]:
    """Return the report's fields of the request; ``url`` has no query."""
    return {
        "requestId": request_id,
        "method": method,
        "url": url,
        "path": path,
        "status": str(status),
    }


def report_failure(on_failure: OnFailure, error: BaseException, context: Mapping[str, str]) -> None:
    """Report the failure; log an error of ``on_failure``, which changes no answer."""
    try:
        on_failure(error, context)
    except Exception:
        logger.exception("the failure of a request could not be reported")


class Failures:
    """Middleware that reports every answer of 5xx, with or without an exception behind it."""

    def __init__(self, on_failure: OnFailure) -> None:
        """Report to ``on_failure``."""
        self._on_failure = on_failure

    def process_response(
        self,
        req: falcon.Request,
        resp: falcon.Response,
        resource: object,  # noqa: ARG002
        req_succeeded: bool,  # noqa: ARG002
    ) -> None:
        """Report the answer if its status is 5xx."""
        status = resp.status_code
        if status < 500:
            return
        error = req.context.get("error")
        if error is None:
            error = DeliberateServerError(f"{req.method} {req.uri_template} answers {status}")
        context = failure_context(
            request_id=req.context.request_id,
            method=req.method,
            url=req.forwarded_prefix + req.path,
            path=req.path,
            status=status,
        )
        report_failure(self._on_failure, error, context)
