"""What becomes of answers of 5xx: each is told to whoever takes note of failures."""

import logging
from collections.abc import Callable, Mapping
from typing import TypeAlias

import falcon

OnFailure: TypeAlias = Callable[[BaseException, Mapping[str, str]], None]
"""Takes note of a request that was answered with 5xx; the mapping is a :func:`failure_context`."""

logger = logging.getLogger("facilitator.api")


class DeliberateServerError(Exception):
    """A request was answered with 5xx on purpose, and no exception is behind it."""


def failure_context(
    *, request_id: str, method: str, url: str, path: str, status: int
) -> dict[str, str]:
    """What is told of the request; ``url`` has no query."""
    return {
        "requestId": request_id,
        "method": method,
        "url": url,
        "path": path,
        "status": str(status),
    }


def tell(on_failure: OnFailure, error: BaseException, context: Mapping[str, str]) -> None:
    """Tell of the failure; what goes wrong with that is logged and changes no answer."""
    try:
        on_failure(error, context)
    except Exception:
        logger.exception("the failure of a request could not be reported")


class Failures:
    """Tells of every answer of 5xx, whether an exception is behind it or not."""

    def __init__(self, on_failure: OnFailure) -> None:
        """Tell ``on_failure``."""
        self._on_failure = on_failure

    def process_response(
        self,
        req: falcon.Request,
        resp: falcon.Response,
        resource: object,  # noqa: ARG002
        req_succeeded: bool,  # noqa: ARG002
    ) -> None:
        """Look at the status."""
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
        tell(self._on_failure, error, context)
