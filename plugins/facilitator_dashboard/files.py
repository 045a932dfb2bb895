"""The page ``/dashboard`` and the files that it loads. They hold no payments: anyone may have them.

The page runs its own script files alone, reaches this server alone, and never turns text into HTML:
the browser enforces all three, whatever a payer has written.
"""

import hashlib
from collections.abc import Mapping
from importlib.resources import files

import falcon

PATH = "/dashboard"
_PAGE = "index.html"
_MEDIA_TYPES = {
    "css": "text/css; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
"""The Content-Security-Policy of the page."""


class StaticFile:
    """A file that stays the same while the process runs."""

    def __init__(self, data: bytes, media_type: str) -> None:
        """Answer with ``data``."""
        self._data = data
        self._media_type = media_type
        self._etag = hashlib.sha256(data).hexdigest()[:32]

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Return the file, or 304 to a client that has it already."""
        resp.set_header("Cache-Control", "no-cache")
        resp.set_header("Content-Security-Policy", POLICY)
        resp.etag = self._etag
        if self._etag in (req.if_none_match or ()):
            resp.status = falcon.HTTP_304
        else:
            resp.content_type = self._media_type
            resp.data = self._data


class Page(StaticFile):
    """The page. Its links are relative, so that it also works below a path of a proxy."""

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Return the page; with a slash at the end of the path, say where it is."""
        if req.env["PATH_INFO"].endswith("/"):
            resp.status = falcon.HTTP_308
            resp.set_header("Location", f"..{PATH}")
        else:
            super().on_get(req, resp)


def file_routes() -> Mapping[str, object]:
    """Return the resources by path; there is none but the files of this package."""
    folder = files(__package__).joinpath("static")
    found = {each.name: each.read_bytes() for each in folder.iterdir() if each.is_file()}
    return {
        PATH: Page(found.pop(_PAGE), _MEDIA_TYPES["html"]),
        **{
            f"{PATH}/{name}": StaticFile(data, _MEDIA_TYPES[name.rpartition(".")[2]])
            for name, data in found.items()
        },
    }
