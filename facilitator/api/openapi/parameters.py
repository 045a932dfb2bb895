"""The headers and path segments that operations take."""

from facilitator.api.openapi import examples
from facilitator.api.openapi.schemas import TEXT, Schema, whole
from facilitator.api.requests import IDEMPOTENCY_KEY, REQUEST_ID, TRANSACTION_ID

PARAMETERS: dict[str, Schema] = {
    "RequestId": {
        "name": "X-Request-ID",
        "in": "header",
        "description": f"Comes back if it is `{whole(REQUEST_ID)}`, else a new one does.",
        "schema": TEXT,
    },
    "Prefer": {
        "name": "Prefer",
        "in": "header",
        "description": "`wait=N`: wait for the chain N seconds at most. Passed over if malformed.",
        "schema": TEXT,
        "example": "wait=30",
    },
    "IdempotencyKey": {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "Repeat it with the same body to have the same answer, for a day. It is the "
        "caller's own: other API keys and other recipients may use the same.",
        "schema": {"type": "string", "pattern": whole(IDEMPOTENCY_KEY)},
    },
    "Transaction": {
        "name": "transaction",
        "in": "path",
        "required": True,
        "description": "Transaction id.",
        "schema": {"type": "string", "pattern": whole(TRANSACTION_ID)},
        "example": examples.TRANSACTION,
    },
}


def parameter(name: str) -> Schema:
    """Return a reference to the parameter of that name."""
    return {"$ref": f"#/components/parameters/{name}"}
