"""``/openapi.json`` and ``/docs``: the description of the interface, and a page to try it out.

The page is one file that loads nothing but the description. Its Content-Security-Policy names the
digests of its own style and script, so that nothing else can run in it.
"""

import base64
import hashlib
from collections.abc import Callable, Mapping
from importlib.resources import files
from typing import Any, TypeAlias

import falcon
import orjson

from facilitator.api.openapi.dated import dated_payment
from facilitator.api.openapi.signed import IN_TIME, VALID_NOW, with_payment
from facilitator.clock import Clock
from facilitator.roles.chain import ExamplePayment
from facilitator.roles.chain_errors import ChainUnavailable

SignExample: TypeAlias = Callable[[], ExamplePayment | None]
"""Returns a payment that is valid now, if one can be made; raises ``ChainUnavailable``."""


class Document:
    """A resource that is one document."""

    def __init__(
        self, read: Callable[[], bytes], media_type: str, headers: Mapping[str, str]
    ) -> None:
        """Answer with what ``read`` returns, and add these headers to the usual ones."""
        self._read = read
        self._media_type = media_type
        self._headers = {"Cache-Control": "no-cache", **headers}

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Return the document, or 304 to a client that has it already."""
        data = self._read()
        etag = hashlib.sha256(data).hexdigest()[:32]
        resp.set_headers(self._headers)
        resp.etag = etag
        if etag in (req.if_none_match or ()):
            resp.status = falcon.HTTP_304
        else:
            resp.content_type = self._media_type
            resp.data = data


def build_description(document: Mapping[str, Any], sign: SignExample, clock: Clock) -> Document:
    """Return the resource of the OpenAPI document, whose examples are the payment of ``sign``.

    While that returns none, they are of a payment that only its inputs make invalid.
    """
    written = "", b""

    def read() -> bytes:
        nonlocal written
        payment, summary = _sign(sign, clock)
        identifier, text = written
        if identifier != payment.transaction_id:
            text = orjson.dumps(with_payment(document, payment, summary))
            written = payment.transaction_id, text
        return text

    return Document(read, falcon.MEDIA_JSON, {})


def _sign(sign: SignExample, clock: Clock) -> tuple[ExamplePayment, str]:
    """Return a payment and its summary."""
    try:
        payment = sign()
    except ChainUnavailable:
        payment = None
    return (dated_payment(clock.time()), IN_TIME) if payment is None else (payment, VALID_NOW)


def build_page() -> Document:
    """Return the resource of the page."""
    style, script, frame = (_part(f"page.{kind}") for kind in ("css", "js", "html"))
    policy = (
        f"default-src 'none'; connect-src 'self'; style-src '{_digest(style)}'; "
        f"script-src '{_digest(script)}'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    )
    html = frame.replace("/* style */", style).replace("/* script */", script)
    page = html.encode()
    return Document(lambda: page, falcon.MEDIA_HTML, {"Content-Security-Policy": policy})


def _part(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
