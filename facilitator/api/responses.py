"""Responses: JSON by orjson, and the headers that every one of them carries."""

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
"""What a resource does not say itself. Nothing here is meant to be cached, framed, embedded or run.

How long to insist on TLS is for the proxy to say that speaks it.
"""


def answer(resp: falcon.Response, document: Mapping[str, Any], status: int = 200) -> None:
    """Answer with the document as JSON."""
    resp.status = status
    resp.content_type = falcon.MEDIA_JSON
    resp.data = orjson.dumps(document)
