"""The answers to refused requests: status, headers, body and reasons."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from facilitator.api.openapi.messages import MESSAGE_SCHEMAS
from facilitator.api.openapi.schemas import SCHEMAS, TEXT, Schema, about
from facilitator.api.rate_limit import HEADERS as QUOTA
from facilitator.x402.reasons import Reason

_BODIES = {**SCHEMAS, **MESSAGE_SCHEMAS}
_SECONDS: Schema = {"type": "integer", "minimum": 0}


def _header(description: str, schema: Schema, *, required: bool = True) -> Schema:
    return {"description": description, "required": required, "schema": schema}


HEADERS: dict[str, Schema] = {
    "X-Request-ID": _header("The caller's own, or a new one: it is in the log.", TEXT),
    "Retry-After": _header("Seconds to wait.", _SECONDS),
    "WWW-Authenticate": _header("How keys are sent.", TEXT),
    "Allow": _header("The methods of this path.", TEXT),
    "Accept": _header("The media type to send, if that was wrong.", TEXT, required=False),
    "Accept-Encoding": _header("The coding to send, if that was wrong.", TEXT, required=False),
    "ETag": _header("Send it as `If-None-Match` to get 304 while it holds.", TEXT),
    **{
        name: _header(f"{meaning} Not sent to whom no limit applies.", schema, required=False)
        for name, meaning, schema in zip(
            QUOTA,
            (
                "Requests allowed in a minute.",
                "How many are left now.",
                "Seconds until there is room for one more.",
                "The limit that these figures are of, and its window in seconds.",
            ),
            (_SECONDS, _SECONDS, _SECONDS, TEXT),
            strict=True,
        )
    },
}


def headers(*names: str) -> Schema:
    """Return these headers and those of every answer."""
    always = ("X-Request-ID", *QUOTA)
    return {name: {"$ref": f"#/components/headers/{name}"} for name in (*names, *always)}


@dataclass(frozen=True)
class Shape:
    """The form of the errors of a path."""

    schema: str
    reason: str
    """The name of the field with the reason."""
    message: str
    fixed: Mapping[str, object] = field(default_factory=dict)
    """Fields that are the same in every error."""


PLAIN = Shape("Error", "error", "message")
OF_VERIFY = Shape("VerifyResponse", "invalidReason", "invalidMessage", {"isValid": False})
OF_SETTLE = Shape(
    "SettleResponse", "errorReason", "errorMessage", {"success": False, "transaction": ""}
)

_PLUGINS_OWN: Schema = {"type": "string", "description": "A plugin's own reason."}

_MEANINGS = {
    400: "The request cannot be used: the message names what to change.",
    401: "No valid API key was sent, or a plugin refuses.",
    403: "The API key is for something else, or the `Host` is not that of this server, which"
    " listens on its own machine only.",
    404: "There is nothing here.",
    405: "The path does not take this method.",
    409: "The idempotency key was used with another body.",
    413: "The body is too large.",
    415: "The body is not JSON, or has a content encoding.",
    429: "Too many requests.",
    431: "Request line and headers are too large.",
    500: "The facilitator failed.",
    503: "The storage or the chain does not work now. Nothing was decided.",
}

_REASONS: Mapping[int, tuple[str, ...]] = {
    400: ("bad_request",),
    401: ("unauthorized",),
    403: ("forbidden", "insufficient_scope"),
    404: ("not_found",),
    405: ("method_not_allowed",),
    409: (Reason.IDEMPOTENCY_CONFLICT,),
    413: (Reason.INVALID_PAYLOAD,),
    415: (Reason.INVALID_PAYLOAD,),
    429: ("rate_limited",),
    431: ("headers_too_large",),
    500: ("internal_error",),
    503: (Reason.EVIDENCE_UNAVAILABLE,),
}

_HEADERS: Mapping[int, tuple[str, ...]] = {
    401: ("WWW-Authenticate",),
    405: ("Allow",),
    415: ("Accept", "Accept-Encoding"),
    429: ("Retry-After",),
    503: ("Retry-After",),
}

_ANYWHERE = (400, 405, 429, 431, 500)


def refusals(
    *statuses: int, shape: Shape = PLAIN, reasons: Mapping[int, Iterable[str]] | None = None
) -> dict[str, Schema]:
    """Return the refusals by status, including those that any request may get.

    ``reasons`` are further reasons by status.
    """
    further = reasons or {}
    return {
        str(status): _refusal(status, shape, (*further.get(status, ()), *_REASONS[status]))
        for status in sorted({*statuses, *_ANYWHERE})
    }


def _refusal(status: int, shape: Shape, reasons: tuple[str, ...]) -> Schema:
    reason: Schema = {"type": "string", "enum": [str(reason) for reason in reasons]}
    if status == 401:
        reason = {"anyOf": [reason, _PLUGINS_OWN]}
    general = _BODIES[shape.schema]
    # Written out, since generators of clients cannot narrow a schema by another.
    body: Schema = {
        "type": "object",
        "required": sorted({*general["required"], shape.reason, shape.message}),
        "properties": {
            **general["properties"],
            shape.reason: reason,
            **{name: {"const": value} for name, value in shape.fixed.items()},
        },
    }
    return about(
        {
            "headers": headers(*_HEADERS.get(status, ())),
            "content": {"application/json": {"schema": body}},
        },
        _MEANINGS[status],
    )
