"""Responses: JSON by orjson, and the headers of every response."""

from collections.abc import Mapping
from typing import Any

import falcon
import orjson

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


def answer(resp: falcon.Response, document: Mapping[str, Any], status: int = 200) -> None:
    """Answer with the document as JSON."""
    resp.status = status
    resp.content_type = falcon.MEDIA_JSON
    resp.data = orjson.dumps(document)
