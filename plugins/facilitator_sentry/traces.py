"""Requests as Sentry's transactions, by route and without their content.

They are made when a request is answered. The SDK's own tracing takes a tenth of a millisecond even
of requests whose trace is not sent.
"""

import hashlib
import random
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import sentry_sdk
from sentry_sdk.tracing import get_span_status_from_http_code

from facilitator.plugin import RequestView, ResponseView

UNKNOWN = "(no route)"
_UNTRACED = "/health"
"""The prefix of paths that supervisors and balancers ask all the time."""
_SALT = secrets.token_bytes(16)


def ids_of(request_id: str) -> Mapping[str, str]:
    """Return the ids that link a failure of the request to its trace.

    A caller, who may choose the request's id, cannot choose them.
    """
    digest = hashlib.blake2b(request_id.encode(), key=_SALT, digest_size=24).hexdigest()
    return {"trace_id": digest[:32], "span_id": digest[32:]}


def end(request: RequestView, response: ResponseView) -> None:
    """Queue the transaction, or not, by chance.

    A caller's own trace does not count: it could have all requests sent.
    """
    rate = sentry_sdk.get_client().options.get("traces_sample_rate") or 0.0
    if random.random() >= rate or request.path.startswith(_UNTRACED):  # noqa: S311 -- no secret
        return
    now = datetime.now(UTC)
    name = f"{request.method} {request.uri_template or UNKNOWN}"
    sentry_sdk.capture_event(
        {
            "type": "transaction",
            "transaction": name,
            "transaction_info": {"source": "route"},
            "start_timestamp": now - timedelta(seconds=response.seconds),
            "timestamp": now,
            "tags": {"request_id": request.request_id, "method": request.method},
            "contexts": {
                "trace": _context(
                    ids_of(request.request_id), name, request.method, response.status_code
                )
            },
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
