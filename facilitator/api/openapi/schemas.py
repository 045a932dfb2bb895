"""JSON Schemas of answers about transactions and the facilitator, and the parts of schemas."""

import re
from collections.abc import Iterable
from typing import Any, TypeAlias

from facilitator.api.requests import TRANSACTION_ID
from facilitator.exact.terms import MAX_CONFIRMATIONS
from facilitator.roles.payment import MEMPOOL
from facilitator.x402.reasons import Reason

Schema: TypeAlias = dict[str, Any]

TEXT: Schema = {"type": "string"}
ID: Schema = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
COUNT: Schema = {"type": "integer", "minimum": 0}
OPEN: Schema = {"type": "object", "additionalProperties": True}
"""An object whose fields are not described. Without ``additionalProperties`` some generators of
clients make a type of it that has no fields."""


def whole(pattern: re.Pattern[str]) -> str:
    """Return the pattern in the form of JSON Schema, for a whole text."""
    return f"^(?:{pattern.pattern})$"


def ref(name: str) -> Schema:
    """Return the component schema of that name."""
    return {"$ref": f"#/components/schemas/{name}"}


def about(schema: Schema, description: str) -> Schema:
    """Return the schema with a description."""
    return {**schema, "description": description}


def record(properties: dict[str, Schema], *optional: str, description: str = "") -> Schema:
    """Return an object schema; all properties but the ``optional`` ones are required."""
    required = [name for name in properties if name not in optional]
    schema: Schema = {"type": "object", "properties": properties}
    if required:
        schema["required"] = required
    return about(schema, description) if description else schema


def items(schema: Schema) -> Schema:
    """Return the schema of a list."""
    return {"type": "array", "items": schema}


def maybe(schema: Schema) -> Schema:
    """Return a schema of that, or null."""
    return {"anyOf": [schema, {"type": "null"}]}


def _kind(scheme: Schema, extra: Schema) -> Schema:
    return record(
        {"x402Version": {"const": 2}, "scheme": scheme, "network": ref("Network"), "extra": extra}
    )


_KINDS: dict[str, Schema] = {
    "Kind": {"anyOf": [ref("ExactKind"), ref("PluginKind")]},
    "ExactKind": _kind({"const": "exact"}, ref("ExactExtra")),
    "ExactExtra": record(
        {
            "assetTransferMethods": items(TEXT),
            "areFeesSponsored": about({"const": False}, "The facilitator pays no fee."),
            "acceptsSponsorWitnesses": about(
                {"const": True}, "A resource server may pay the fee: extra.feeSponsor."
            ),
            "l1Confirmations": record(
                {"minimum": {"enum": [MEMPOOL, 0]}, "maximum": {"const": MAX_CONFIRMATIONS}}
            ),
            "devnet": about({"type": "boolean"}, "True on a test double: nothing here is real."),
        },
        "devnet",
    ),
    "PluginKind": _kind(
        about({"type": "string", "not": {"const": "exact"}}, "A plugin's scheme."),
        about(OPEN, "As the scheme has it."),
    ),
}

_DEPENDENCY = record(
    {
        "status": {"enum": ["up", "down"]},
        "latency": {"type": "number", "minimum": 0, "description": "Milliseconds."},
        "error": TEXT,
    },
    "error",
)

_DEPENDENCIES: Schema = {"type": "object", "additionalProperties": ref("Dependency")}


def reason_schema(further: Iterable[str] = ()) -> Schema:
    """Return the schema of a reason, which lists the core's and the ``further`` ones."""
    return {
        "description": "Why a request or a payment is refused. A plugin that may refuse brings "
        "reasons of its own.",
        "anyOf": [{"type": "string", "enum": sorted({*Reason, *further})}, {"type": "string"}],
    }


def network_schema(networks: Iterable[str]) -> Schema:
    """Return the schema of a network's canonical id, which is one of ``networks``."""
    return {"enum": list(networks), "description": "Canonical id of a network."}


SCHEMAS: dict[str, Schema] = {
    "Reason": reason_schema(),
    "StatusRequest": record({"transaction": {"type": "string", "pattern": whole(TRANSACTION_ID)}}),
    "Status": record(
        {
            "transaction": ID,
            "status": {"enum": ["not_found", "pending", "confirmed", "rejected", "expired"]},
            "settled": about({"type": "boolean"}, "Whether this facilitator settled it."),
            "network": ref("Network"),
            "confirmations": about(COUNT, "Newer blocks."),
            "block": ID,
            "message": about(TEXT, "Why it was rejected."),
        },
        *("network", "confirmations", "block", "message"),
    ),
    **_KINDS,
    "Supported": record(
        {
            "kinds": items(ref("Kind")),
            "extensions": items(TEXT),
            "signers": {"type": "object", "additionalProperties": items(TEXT)},
        }
    ),
    "Dependency": _DEPENDENCY,
    "Health": record(
        {
            "status": {"enum": ["healthy", "degraded", "unhealthy"]},
            "version": TEXT,
            "timestamp": {"type": "string", "format": "date-time"},
            "uptime": {"type": "number", "minimum": 0, "description": "Seconds."},
            "dependencies": _DEPENDENCIES,
        }
    ),
    "Readiness": record(
        {
            "status": {"enum": ["ready", "not_ready", "stopping"]},
            "dependencies": _DEPENDENCIES,
        },
        "dependencies",
    ),
    "Alive": record({"status": {"const": "alive"}}),
    "Index": record({"name": TEXT, "version": TEXT, "endpoints": about(OPEN, "What each does.")}),
    "Description": record(
        {
            "endpoint": TEXT,
            "method": {"const": "POST"},
            "description": TEXT,
            "request": OPEN,
            "response": OPEN,
            "links": OPEN,
        }
    ),
    "Error": record(
        {
            "error": about(TEXT, "Stable reason."),
            "message": about(TEXT, "The same for people."),
            "requestId": about(TEXT, "As in `X-Request-ID`."),
        }
    ),
}
