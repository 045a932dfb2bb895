"""The devnet's Koios-compatible API."""

import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from facilitator_devnet.blockfrost.errors import ApiError
from facilitator_devnet.blockfrost.face import Face
from facilitator_devnet.blockfrost.faults import Effects, Faults
from facilitator_devnet.blockfrost.server import Answer, Message
from facilitator_devnet.blockfrost.view import View
from facilitator_devnet.devnet import Devnet
from facilitator_devnet.koios.lookups import GETS, POSTS
from facilitator_devnet.koios.postgrest import apply
from facilitator_devnet.koios.submission import ask_ogmios, read_question, submit

ROOT = "/api/v1"
SUBMIT = "POST /submittx"
OGMIOS = "POST /ogmios"
ENDPOINTS = (*(f"GET {path}" for path in GETS), *(f"POST {path}" for path in POSTS), SUBMIT, OGMIOS)
UNKNOWN = "unknown"
"""The endpoint under which other requests are counted."""
BODY_BYTES = 1024
"""Bytes that the body of a question may have, as in the public tier."""

Edit = Callable[[Mapping[str, Any]], Mapping[str, Any]]


class _Asked(NamedTuple):
    endpoint: str
    query: Mapping[str, str]
    body: bytes
    content_type: str


class KoiosApi(Face):
    """A Koios API for a devnet, at ``{url}/api/v1``, with the limits of the public tier."""

    def __init__(
        self,
        devnet: Devnet,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        body_bytes: int = BODY_BYTES,
    ) -> None:
        """Serve on the address; the port 0 takes a free one. Raises :class:`OSError`."""
        self._body_bytes = body_bytes
        self.edits: dict[str, Edit] = {}
        """Changes of each row of the answers, by endpoint."""
        super().__init__(devnet, host, port, Faults(ENDPOINTS))

    def __enter__(self) -> "KoiosApi":
        """Return the API, which already serves."""
        return self

    def find(self, message: Message) -> _Asked:
        """Return the request with its endpoint."""
        target = urlsplit(message.target)
        endpoint = f"{message.method} {target.path.removeprefix(ROOT)}"
        if not target.path.startswith(ROOT) or endpoint not in ENDPOINTS:
            endpoint = UNKNOWN
        query = dict(parse_qsl(target.query, keep_blank_values=True))
        return _Asked(endpoint, query, message.body, message.headers.get("content-type", ""))

    def respond(self, asked: _Asked, effects: Effects) -> Answer:
        """Answer as Koios does. Raises :class:`ApiError`."""
        method, _, path = asked.endpoint.partition(" ")
        if asked.endpoint == UNKNOWN:
            raise ApiError(404)
        if asked.endpoint == SUBMIT:
            if asked.content_type != "application/cbor":
                raise ApiError(415)
            return _as_json(submit(self.devnet, asked.body), 202)
        if len(asked.body) > self._body_bytes:
            raise ApiError(413, f"Payload too large, body length was {len(asked.body)}.")
        question = read_question(asked.body) if method == "POST" else asked.query
        if asked.endpoint == OGMIOS:
            answer = ask_ogmios(self.devnet, question)
            return _as_json(answer, 400 if "error" in answer else 200)
        edit = self.edits.get(asked.endpoint, dict)
        with self.devnet.chain() as chain:
            view = View(chain, max(0, chain.tip.height - effects.stale_blocks))
            look_up = GETS[path] if method == "GET" else POSTS[path]
            found = apply(list(look_up(view, question)), asked.query)
        return _as_json([edit(row) for row in found])

    def failed(self, error: ApiError) -> Answer:
        """Return the answer in PostgREST's words, or a node's own."""
        if error.status == 400 and str(error).startswith("{"):
            return Answer(400, str(error).encode())
        body = {"code": str(error.status), "details": None, "hint": None, "message": str(error)}
        return _as_json(body, error.status)


def _as_json(value: Any, status: int = 200) -> Answer:
    return Answer(status, json.dumps(value, separators=(",", ":")).encode())
