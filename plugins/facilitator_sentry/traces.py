"""Requests as Sentry's transactions, by route and without their content.

They are made when a request is answered. The SDK's own tracing takes a tenth of a millisecond even
of requests whose trace is not sent.
"""

import random
import time
import uuid
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from typing import Any

import falcon
import sentry_sdk
from sentry_sdk.tracing import get_span_status_from_http_code

UNKNOWN = "(no route)"
_UNTRACED = "/health"
"""The prefix of paths that supervisors and balancers ask all the time."""

_ids: ContextVar[Mapping[str, str] | None] = ContextVar("sentry_ids", default=None)


def begin(request: falcon.Request) -> None:
    """Decide by chance. A caller's own trace does not count: it could have all requests sent."""
    rate = sentry_sdk.get_client().options.get("traces_sample_rate") or 0.0
    if random.random() >= rate or request.path.startswith(_UNTRACED):  # noqa: S311 -- no secret
        _ids.set(None)
    else:
        _ids.set({"trace_id": uuid.uuid4().hex, "span_id": uuid.uuid4().hex[:16]})


def current() -> Mapping[str, str] | None:
    """Return the ids that link a failure to the trace of this thread's request, if there is one."""
    return _ids.get()


def end(request: falcon.Request, response: falcon.Response) -> None:
    """Queue the transaction."""
    if (ids := _ids.get()) is None:
        return
    _ids.set(None)
    now, seconds = datetime.now(UTC), time.perf_counter() - request.context.started
    name = f"{request.method} {request.uri_template or UNKNOWN}"
    sentry_sdk.capture_event(
        {
            "type": "transaction",
            "transaction": name,
            "transaction_info": {"source": "route"},
            "start_timestamp": now - timedelta(seconds=seconds),
            "timestamp": now,
            "tags": {"request_id": request.context.request_id, "method": request.method},
            "contexts": {"trace": _context(ids, name, request.method, response.status_code)},
        }
    )


def _context(ids: Mapping[str, str], name: str, method: str, status: int) -> dict[str, Any]:
    options = sentry_sdk.get_client().options
    return {
        **ids,
        "op": "http.server",
        "origin": "manual",
        "status": get_span_status_from_http_code(status),
        "data": {"http.request.method": method, "http.response.status_code": status},
        # Sentry derives from it the number of requests that this one stands for. It becomes the
        # header of the envelope, where the scrubber puts the public key.
        "dynamic_sampling_context": {
            "trace_id": ids["trace_id"],
            "public_key": "",
            "environment": options["environment"],
            "release": options["release"],
            "transaction": name,
            "sample_rate": str(options["traces_sample_rate"]),
            "sampled": "true",
        },
    }
