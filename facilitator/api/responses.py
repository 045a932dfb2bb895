"""Responses: JSON by orjson, and the headers of every response."""

import base64
from collections.abc import Mapping
from typing import Any

import falcon
import orjson

from facilitator.x402.messages import SettleResponse, VerifyResponse

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""Headers for every resource that does not set its own: no caching, framing, embedding or running.

The proxy that terminates TLS sets for how long browsers insist on it.
"""


EXTENSION_RESPONSES = "EXTENSION-RESPONSES"
"""The header with the answers of extensions, base64 of JSON (x402 specification §7.2.1)."""


def answer_payment(resp: falcon.Response, response: VerifyResponse | SettleResponse) -> None:
    """Answer with the outcome of a payment."""
    answer(resp, response.to_json())
    if response.extensions:
        added = base64.b64encode(orjson.dumps(dict(response.extensions))).decode()
        resp.set_header(EXTENSION_RESPONSES, added)


def answer(resp: falcon.Response, document: Mapping[str, Any], status: int = 200) -> None:
    """Answer with the document as JSON."""
    resp.status = status
    resp.content_type = falcon.MEDIA_JSON
    resp.data = orjson.dumps(document)
