"""The route ``/discovery/resources``."""

import json
import sqlite3
from typing import Any

import falcon

from facilitator_bazaar.catalogue import Catalogue, Page
from facilitator_bazaar.listing import EXTENSION

DEFAULT_LIMIT = 20
LARGEST_LIMIT = 100
LARGEST_OFFSET = 2**31
ALWAYS = {"type": "http", "scheme": "exact", "extensions": EXTENSION}
"""Values that every listed resource has: to ask for others is to ask for none."""


def _number(name: str, default: int) -> dict[str, Any]:
    schema = {"type": "integer", "minimum": 0, "default": default}
    return {"name": name, "in": "query", "schema": schema}


def _text(name: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "schema": {"type": "string"}}


class DiscoveryResources:
    """The catalogue, by pages, for everyone."""

    openapi = {  # noqa: RUF012 -- read by the core alone
        "get": {
            "operationId": "discoveryResources",
            "summary": "Resources that were paid for here",
            "parameters": [
                _number("limit", DEFAULT_LIMIT),
                _number("offset", 0),
                *map(_text, ("network", "payTo", *ALWAYS)),
            ],
            "responses": {
                "200": {
                    "description": "A page of the catalogue.",
                    "content": {"application/json": {"schema": {"type": "object"}}},
                }
            },
        }
    }

    def __init__(self, catalogue: Catalogue) -> None:
        """Show the catalogue."""
        self._catalogue = catalogue

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Answer with a page."""
        limit = req.get_param_as_int("limit", min_value=1, default=DEFAULT_LIMIT)
        limit = min(limit, LARGEST_LIMIT)
        offset = req.get_param_as_int("offset", min_value=0, max_value=LARGEST_OFFSET, default=0)
        page = Page([], 0)
        if all(req.get_param(name, default=value) == value for name, value in ALWAYS.items()):
            network, pay_to = req.get_param("network"), req.get_param("payTo")
            page = self._page(limit, offset, network, pay_to)
        answer = {
            "x402Version": 2,
            "items": page.items,
            "pagination": {"limit": limit, "offset": offset, "total": page.total},
        }
        resp.data = json.dumps(answer, separators=(",", ":")).encode()
        resp.content_type = falcon.MEDIA_JSON

    def _page(self, *which: Any) -> Page:
        try:
            return self._catalogue.page(*which)
        except sqlite3.Error:
            raise falcon.HTTPServiceUnavailable(
                title="catalogue_unavailable", description="The catalogue cannot be read now."
            ) from None
