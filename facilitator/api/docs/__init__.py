"""``/openapi.json`` and ``/docs``: the description of the interface, and a page to try it out.

The page is one file that loads nothing but the description. Its Content-Security-Policy names the
digests of its own style and script, so that nothing else can run in it.
"""

import base64
import hashlib
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

import falcon
import orjson


class StaticDocument:
    """A resource whose document stays the same while the process runs."""

    def __init__(self, data: bytes, media_type: str, headers: Mapping[str, str]) -> None:
        """Answer with ``data``, and add these headers to the usual ones."""
        self._data = data
        self._media_type = media_type
        self._headers = {"Cache-Control": "no-cache", **headers}
        self._etag = hashlib.sha256(data).hexdigest()[:32]

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Return the document, or 304 to a client that has it already."""
        resp.set_headers(self._headers)
        resp.etag = self._etag
        if self._etag in (req.if_none_match or ()):
            resp.status = falcon.HTTP_304
        else:
            resp.content_type = self._media_type
            resp.data = self._data


def build_description(document: Mapping[str, Any]) -> StaticDocument:
    """Return the resource of the OpenAPI document."""
    return StaticDocument(orjson.dumps(document), falcon.MEDIA_JSON, {})


def build_page() -> StaticDocument:
    """Return the resource of the page."""
    style, script, frame = (_part(f"page.{kind}") for kind in ("css", "js", "html"))
    policy = (
        f"default-src 'none'; connect-src 'self'; style-src '{_digest(style)}'; "
        f"script-src '{_digest(script)}'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    )
    html = frame.replace("/* style */", style).replace("/* script */", script)
    return StaticDocument(html.encode(), falcon.MEDIA_HTML, {"Content-Security-Policy": policy})


def _part(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
