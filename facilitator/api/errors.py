"""Errors in the form that callers get: always JSON, with a stable reason and a sentence."""

import logging
import re
from collections.abc import Mapping
from typing import Any

import falcon

from facilitator.api.responses import answer
from facilitator.api.service import IdempotencyConflict, ServiceUnavailable
from facilitator.observability.logs import describe_request
from facilitator.x402.messages import BadMessage
from facilitator.x402.reasons import Reason

logger = logging.getLogger("facilitator.api")


class ApiError(Exception):
    """A refusal of a request, with status, reason and message."""

    def __init__(
        self, status: int, reason: str, message: str, headers: Mapping[str, str] | None = None
    ) -> None:
        """Refuse with the HTTP ``status`` and a ``message`` on what to change."""
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.message = message
        self.headers = headers or {}


def error_document(
    path: str, reason: str, message: str, *, request_id: str, network: str
) -> dict[str, Any]:
    """Return the body of an error: on ``/verify`` and ``/settle`` with the fields of x402."""
    match path.rstrip("/"):
        case "/verify":
            return {"isValid": False, "invalidReason": reason, "invalidMessage": message}
        case "/settle":
            return {
                "success": False,
                "transaction": "",
                "network": network,
                "errorReason": reason,
                "errorMessage": message,
            }
    return {"error": reason, "message": message, "requestId": request_id}


class ErrorHandler:
    """A handler that answers every exception of a request."""

    def __init__(self, network: str) -> None:
        """Use ``network`` in answers to requests that name none."""
        self._network = network

    def register(self, app: falcon.App[Any, Any]) -> None:
        """Register for the app's exceptions, including Falcon's own."""
        for kind in (Exception, falcon.HTTPError):
            app.add_error_handler(kind, self._handle)

    def _handle(self, req: falcon.Request, resp: falcon.Response, error: Exception, _: Any) -> None:
        refusal = _refusal(error) or _fault(req, error)
        if refusal.status >= 500:
            req.context.error = error
        resp.set_headers(dict(refusal.headers))
        describe_request(reason=str(refusal.reason))
        document = error_document(
            req.path,
            refusal.reason,
            refusal.message,
            request_id=req.context.request_id,
            network=req.context.get("network") or self._network,
        )
        answer(resp, document, refusal.status)


def _fault(req: falcon.Request, error: Exception) -> ApiError:
    logger.error("request failed", exc_info=error)
    request_id = req.context.request_id
    message = f"The facilitator failed; please report it with the request id {request_id}."
    return ApiError(500, "internal_error", message)


def _refusal(error: Exception) -> ApiError | None:
    """Return the answer to a deliberate refusal; ``None`` for a fault of the facilitator."""
    match error:
        case ApiError():
            return error
        case BadMessage():
            return ApiError(400, error.reason, error.message)
        case IdempotencyConflict():
            message = "This idempotency key was used with another request; take a new one."
            return ApiError(409, Reason.IDEMPOTENCY_CONFLICT, str(error) or message)
        case ServiceUnavailable():
            after = {} if error.retry_after is None else {"Retry-After": str(error.retry_after)}
            return ApiError(503, error.reason, error.message, after)
        case falcon.HTTPNotFound() if not _has_words(error):
            return ApiError(404, "not_found", "There is nothing here; GET / lists what there is.")
        case falcon.HTTPMethodNotAllowed() if not _has_words(error):
            return _method_not_allowed(error)
        case falcon.HTTPError():
            return _from_falcon(error)
    return None


def _has_words(error: falcon.HTTPError) -> bool:
    """Return True if the resource of a plugin says more than the status."""
    return bool(error.description) or error.title not in (None, _status_line(error))


def _method_not_allowed(error: falcon.HTTPMethodNotAllowed) -> ApiError:
    allowed = dict(error.headers or {}).get("Allow", "")
    message = f"This path takes {allowed} only."
    return ApiError(405, "method_not_allowed", message, {"Allow": allowed})


def _from_falcon(error: falcon.HTTPError) -> ApiError:
    """Return the refusal of Falcon or of a plugin's resource."""
    standard = _status_line(error).removeprefix(f"{error.status_code} ")
    title = str(error.title or standard).removeprefix(f"{error.status_code} ")
    # A title in letters that a reason cannot have leaves the name of the status.
    reason = _as_reason(title) or _as_reason(standard)
    return ApiError(
        error.status_code, reason, str(error.description or title), dict(error.headers or {})
    )


def _as_reason(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", title.lower()).strip("_")


def _status_line(error: falcon.HTTPError) -> str:
    return str(falcon.code_to_http_status(error.status))
