"""The devnet's Blockfrost-compatible API."""

import json
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

from facilitator_devnet.blockfrost.dress import DRESSES
from facilitator_devnet.blockfrost.errors import ApiError
from facilitator_devnet.blockfrost.face import Face
from facilitator_devnet.blockfrost.faults import Effects, Faults
from facilitator_devnet.blockfrost.paths import HOSTED
from facilitator_devnet.blockfrost.request import Request
from facilitator_devnet.blockfrost.routes import CALLS, LOOKUPS, SUBMIT, UNKNOWN, Route, route
from facilitator_devnet.blockfrost.server import Answer, Message
from facilitator_devnet.blockfrost.view import View
from facilitator_devnet.devnet import Devnet

NETWORKS = ("mainnet", "preprod", "preview", "testnet", "sanchonet")
"""The prefixes of project ids."""


class _Asked(NamedTuple):
    endpoint: str
    root: str
    request: Request
    project_id: str | None


class BlockfrostApi(Face):
    """A Blockfrost API for a devnet, at ``{url}/api/v0`` and ``{url}/v0``.

    At ``{url}`` itself it is the same without project ids.
    """

    def __init__(
        self, devnet: Devnet, host: str = "127.0.0.1", port: int = 0, *, dress: str = "blockfrost"
    ) -> None:
        """Serve on the address; the port 0 takes a free one.

        ``dress`` names one of :data:`~facilitator_devnet.blockfrost.dress.DRESSES`.
        Raises :class:`OSError`.
        """
        self.dress = DRESSES[dress]
        super().__init__(devnet, host, port, Faults())

    def __enter__(self) -> "BlockfrostApi":
        """Return the API, which already serves."""
        return self

    def wear(self, dress: str) -> None:
        """Answer as another server does. Raises :class:`ValueError` for an unknown name."""
        if dress not in DRESSES:
            raise ValueError(f"name must be one of {', '.join(DRESSES)}")
        self.dress = DRESSES[dress]

    def find(self, message: Message) -> _Asked:
        """Return the request with its endpoint."""
        target = urlsplit(message.target)
        query = dict(parse_qsl(target.query, keep_blank_values=True))
        split = self.dress.split(unquote(target.path))
        root, path = split or ("", target.path)
        found = route(message.method, path) if split else Route(UNKNOWN, {})
        content_type = message.headers.get("content-type", "")
        request = Request(found.params, query, content_type, message.body, target.path)
        return _Asked(found.endpoint, root, request, message.headers.get("project_id"))

    def respond(self, asked: _Asked, effects: Effects) -> Answer:
        """Answer as the server does whose dress is worn. Raises :class:`ApiError`."""
        if asked.root in HOSTED:
            self._check_project(asked.project_id)
        dress, endpoint, request = self.dress, asked.endpoint, asked.request
        if not dress.has(endpoint):
            posted = route("POST", request.path.removeprefix(dress.roots[0]))
            answer = dress.no_method if dress.has(posted.endpoint) else dress.no_route
            return answer(request.path)
        try:
            result = self._do(endpoint, request, effects)
        except ApiError as error:
            if endpoint == SUBMIT and error.status == 400:
                return dress.refused(error)
            raise
        if endpoint == SUBMIT:
            return dress.submitted(result)
        edit = dress.edits.get(endpoint)
        return _as_json(edit(result) if edit else result)

    def failed(self, error: ApiError) -> Answer:
        """Return the answer in Blockfrost's words."""
        return _as_json(error.body, error.status)

    def _do(self, endpoint: str, request: Request, effects: Effects) -> Any:
        if endpoint in CALLS:
            return CALLS[endpoint](self.devnet, request)
        with self.devnet.chain() as chain:
            height = max(0, chain.tip.height - effects.stale_blocks)
            return LOOKUPS[endpoint.removeprefix("GET ")](View(chain, height), request)

    def _check_project(self, project_id: str | None) -> None:
        if not project_id:
            raise ApiError(403, "Missing project token. Please include project_id in your request.")
        own = self.devnet.network.removeprefix("cardano:")
        if any(project_id.startswith(name) for name in NETWORKS if name != own):
            raise ApiError(403, "Network token mismatch.")


def _as_json(value: Any, status: int = 200) -> Answer:
    # not orjson: integers in data may have more than 64 bits
    return Answer(status, json.dumps(value, separators=(",", ":")).encode())
