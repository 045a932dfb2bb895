"""JSON Schemas of x402's messages, and of answers about transactions and the facilitator.

A request's schema holds exactly when the parser takes the request. The rules for the verdict on a
payment are only described, since a bad payment is no bad request.
"""

import re
from collections.abc import Iterable
from typing import Any, TypeAlias

from facilitator.api.requests import TRANSACTION_ID
from facilitator.exact.payment import MAX_TRANSACTION_BYTES, NONCE
from facilitator.exact.terms import AMOUNT, ASSET, MAX_CONFIRMATIONS, MEMPOOL
from facilitator.x402.messages import MAX_INTEGER, PAYMENT_IDENTIFIER
from facilitator.x402.networks import NETWORKS
from facilitator.x402.reasons import Reason

Schema: TypeAlias = dict[str, Any]

TEXT: Schema = {"type": "string"}
ID: Schema = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
COUNT: Schema = {"type": "integer", "minimum": 0}


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


_INTEGER: Schema = {"type": "integer", "minimum": -MAX_INTEGER, "maximum": MAX_INTEGER}

_REQUIREMENTS = record(
    {
        "scheme": about(TEXT, "`exact`."),
        "network": about(TEXT, f"{', '.join(f'`{name}`' for name in NETWORKS)}, or its CIP-34 id."),
        "amount": about(TEXT, f"Atomic units: `{whole(AMOUNT)}`."),
        "asset": about(
            TEXT, f"`lovelace`, or policy id and asset name in hexadecimal: `{whole(ASSET)}`."
        ),
        "payTo": about(TEXT, "Address, bech32 or Byron."),
        "maxTimeoutSeconds": about(_INTEGER, "How far ahead the transaction's TTL may be."),
        "extra": {
            "type": ["object", "null"],
            "description": "`assetTransferMethod` (of those in `/supported`; else `default`), for "
            "`script` also `script`, `scriptHash`, `parameters` and `datum`; and "
            '`confirmationPolicy`: `{"l1Confirmations": n}` with n newer blocks from '
            f"{MEMPOOL} (a node took it) to {MAX_CONFIRMATIONS}, else 1.",
        },
    },
    "extra",
    description="What a payment must do.",
)

_PAYLOAD = record(
    {
        "x402Version": about(_INTEGER, "2."),
        "accepted": about(
            ref("PaymentRequirements"),
            "The client's copy of the requirements: may only add to `extra`.",
        ),
        "payload": {
            "type": "object",
            "description": "The scheme's own part.",
            "properties": {
                "transaction": {
                    "description": "Signed transaction, CBOR in canonical base64, of at most "
                    f"{MAX_TRANSACTION_BYTES} bytes.",
                    "contentEncoding": "base64",
                    "contentMediaType": "application/cbor",
                },
                "nonce": {
                    "description": "The input that makes the payment unique, whose owner pays, as "
                    f"transaction id and index: `{whole(NONCE)}`."
                },
            },
        },
        "extensions": {
            "description": "Of x402's extensions, `payment-identifier` is read.",
            "properties": {
                "payment-identifier": {
                    "properties": {
                        "info": {
                            "properties": {
                                "id": {
                                    "type": ["string", "null"],
                                    "pattern": whole(PAYMENT_IDENTIFIER),
                                    "description": "Repeat it with the same body to have the same "
                                    "answer of `/settle`.",
                                }
                            }
                        }
                    }
                }
            },
        },
    },
    "extensions",
    description="What the paying client sent to the resource server.",
)

_SETTLE_EXTRA = record(
    {
        "status": {"enum": ["confirmed", "mempool", "pending", "rejected", "expired"]},
        "confirmations": {
            "type": "integer",
            "minimum": MEMPOOL,
            "description": f"Newer blocks; {MEMPOOL} when a node took it and no block has it yet.",
        },
        "transactionId": ID,
    },
    "confirmations",
    "transactionId",
)

_KIND = record(
    {
        "x402Version": {"const": 2},
        "scheme": {"const": "exact"},
        "network": {"enum": list(NETWORKS)},
        "extra": record(
            {
                "assetTransferMethods": items(TEXT),
                "areFeesSponsored": about({"const": False}, "The payer pays the network's fee."),
                "l1Confirmations": record(
                    {
                        "minimum": {"enum": [MEMPOOL, 0]},
                        "maximum": {"const": MAX_CONFIRMATIONS},
                    }
                ),
                "devnet": about({"const": True}, "Only on a test double: nothing here is real."),
            },
            "devnet",
        ),
    }
)

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


SCHEMAS: dict[str, Schema] = {
    "Reason": reason_schema(),
    "PaymentRequirements": _REQUIREMENTS,
    "PaymentPayload": _PAYLOAD,
    "PaymentRequest": record(
        {
            "x402Version": {"const": 2},
            "paymentPayload": ref("PaymentPayload"),
            "paymentRequirements": ref("PaymentRequirements"),
        }
    ),
    "VerifyResponse": record(
        {
            "isValid": {"type": "boolean"},
            "payer": about(TEXT, "Address that pays, when known."),
            "invalidReason": ref("Reason"),
            "invalidMessage": about(TEXT, "The same for people."),
            "extra": record(
                {
                    "reserved": about(
                        {"const": False},
                        "The storage could not be asked to hold the inputs; `/settle` answers 503 "
                        "until it can.",
                    )
                }
            ),
        },
        *("payer", "invalidReason", "invalidMessage", "extra"),
    ),
    "SettleResponse": record(
        {
            "success": about(
                {"type": "boolean"}, "Whether it is settled, and delivered to this caller."
            ),
            "transaction": {
                "type": "string",
                "pattern": "^([0-9a-f]{64})?$",
                "description": "Its id; empty when it could not be read.",
            },
            "network": about(TEXT, "Canonical id; what was asked for when that is none."),
            "payer": about(TEXT, "Address that pays, when known."),
            "amount": {"type": "string", "pattern": whole(AMOUNT)},
            "errorReason": ref("Reason"),
            "errorMessage": about(TEXT, "The same for people."),
            "extra": _SETTLE_EXTRA,
        },
        *("payer", "amount", "errorReason", "errorMessage", "extra"),
    ),
    "StatusRequest": record({"transaction": {"type": "string", "pattern": whole(TRANSACTION_ID)}}),
    "Status": record(
        {
            "transaction": ID,
            "status": {"enum": ["not_found", "pending", "confirmed", "rejected", "expired"]},
            "settled": about({"type": "boolean"}, "Whether this facilitator settled it."),
            "network": {"enum": list(NETWORKS)},
            "confirmations": about(COUNT, "Newer blocks."),
            "block": ID,
            "message": about(TEXT, "Why it was rejected."),
        },
        *("network", "confirmations", "block", "message"),
    ),
    "Kind": _KIND,
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
    "Index": record(
        {"name": TEXT, "version": TEXT, "endpoints": about({"type": "object"}, "What each does.")}
    ),
    "Description": record(
        {
            "endpoint": TEXT,
            "method": {"const": "POST"},
            "description": TEXT,
            "request": {"type": "object"},
            "response": {"type": "object"},
            "links": {"type": "object"},
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
