"""Descriptions of the interface that GET returns, for readers with a browser or curl."""

from collections.abc import Mapping
from typing import Any

from facilitator import __version__

_REQUIREMENTS = {
    "scheme": "exact",
    "network": "cardano:preprod",
    "amount": "2000000",
    "asset": "lovelace",
    "payTo": "addr_test1…",
    "maxTimeoutSeconds": 300,
    "extra": {},
}

_EXAMPLE = {
    "x402Version": 2,
    "paymentPayload": {
        "x402Version": 2,
        "accepted": _REQUIREMENTS,
        "payload": {
            "transaction": "<signed transaction, CBOR in base64>",
            "nonce": "<transaction id>#<index>: the input that makes the payment unique",
        },
    },
    "paymentRequirements": _REQUIREMENTS,
}

_LINKS = {"supported": "/supported", "health": "/health", "reference": "/docs"}

INDEX: Mapping[str, Any] = {
    "name": "x402-cardano-facilitator",
    "version": __version__,
    "endpoints": {
        "GET /": "this list",
        "GET /docs": "a page to try it out",
        "GET /openapi.json": "all of it as an OpenAPI document",
        "GET /supported": "the payment kinds that are served",
        "POST /verify": "whether a payment is valid; GET describes the request",
        "POST /settle": "submit a payment and wait for the chain; GET describes the request",
        "POST /cancel": "give up a verified payment that will not be settled; body of /verify",
        "POST /status": 'what is known of a transaction: {"transaction": "<id>"}',
        "GET /status/{transaction}": "the same",
        "GET /health": "the state of what the facilitator depends on",
        "GET /health/live": "whether the process answers",
        "GET /health/ready": "whether requests should be sent here",
    },
}

OF_LEDGER: Mapping[str, str] = {
    "GET /payments": "payments, newest first; these are for operators",
    "GET /payments/{transaction}": "a payment and its events",
    "GET /payments/totals": "sums of payments",
    "GET /payments/events": "the changes of all payments",
    "GET /payments/refusals": "refused requests, counted",
}
"""The endpoints of the payment ledger, where one is kept."""

VERIFY: Mapping[str, Any] = {
    "endpoint": "/verify",
    "method": "POST",
    "description": "Judges a payment against its requirements. Nothing is submitted. Post the "
    "same body to /cancel if the payment will not be settled.",
    "request": {
        "headers": {"Content-Type": "application/json"},
        "body": _EXAMPLE,
    },
    "response": {
        "isValid": "true or false, with status 200 either way",
        "payer": "address that pays",
        "invalidReason": "stable reason, when invalid",
        "invalidMessage": "the same for people",
        "extra": "heldFor and heldSeconds, when an input was offered to another recipient before",
    },
    "links": {**_LINKS, "settle": "/settle"},
}

SETTLE: Mapping[str, Any] = {
    "endpoint": "/settle",
    "method": "POST",
    "description": "Submits a payment once and waits, for a limited time, until it is settled.",
    "request": {
        "headers": {
            "Content-Type": "application/json",
            "Prefer": "optional, wait=<seconds>: answer settlement_pending after so long",
            "Idempotency-Key": "optional: repeat it with the same body to have the same answer",
        },
        "body": _EXAMPLE,
    },
    "response": {
        "success": "true or false, with status 200 either way",
        "transaction": "transaction id, empty when there is none",
        "network": "network of the payment",
        "payer": "address that pays",
        "errorReason": "stable reason, when not successful",
        "errorMessage": "the same for people",
    },
    "links": {**_LINKS, "verify": "/verify"},
}
