"""JSON over HTTP, and the base64 JSON of the x402 headers."""

import base64
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from email.message import Message
from typing import Any, NamedTuple

TIMEOUT_SECONDS = 60


class Answer(NamedTuple):
    """A server's answer."""

    status: int
    headers: Message
    body: Any
    """The decoded JSON."""


def fetch(url: str, body: object = None, headers: Mapping[str, str] | None = None) -> Answer:
    """Send a GET, or a POST of ``body`` as JSON; return the answer with any status."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(  # noqa: S310 - the demo's own addresses
        url, data, {"Content-Type": "application/json", **(headers or {})}
    )
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as response:  # noqa: S310
            return Answer(response.status, response.headers, json.load(response))
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, error.headers, json.load(error))


def pack(value: object) -> str:
    """Return base64 JSON, as in the ``PAYMENT-…`` headers."""
    return base64.b64encode(json.dumps(value).encode()).decode()


def unpack(header: str | None) -> Any:
    """Return the value in a ``PAYMENT-…`` header."""
    return json.loads(base64.b64decode(header or ""))
