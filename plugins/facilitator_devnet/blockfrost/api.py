"""The devnet's Blockfrost-compatible API: a server, its counters and its faults."""

import json
import logging
import time
from collections.abc import Mapping
from dataclasses import replace
from types import TracebackType
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from facilitator.plugin import ChainUnavailable
from facilitator_devnet.blockfrost.control import control
from facilitator_devnet.blockfrost.counters import Counters
from facilitator_devnet.blockfrost.dress import DRESSES
from facilitator_devnet.blockfrost.errors import ApiError
from facilitator_devnet.blockfrost.faults import Effects, Faults
from facilitator_devnet.blockfrost.paths import CONTROL, HOSTED
from facilitator_devnet.blockfrost.request import Request
from facilitator_devnet.blockfrost.routes import CALLS, LOOKUPS, SUBMIT, UNKNOWN, Route, route
from facilitator_devnet.blockfrost.server import Answer, Message, Server
from facilitator_devnet.blockfrost.view import View
from facilitator_devnet.devnet import Devnet

log = logging.getLogger("facilitator_devnet.blockfrost.face")

NETWORKS = ("mainnet", "preprod", "preview", "testnet", "sanchonet")
"""The prefixes of project ids."""


class BlockfrostApi:
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
        self.devnet = devnet
        self.host = host
        self.faults = Faults()
        self.counters = Counters()
        self.dress = DRESSES[dress]
        self._server = Server(host, port, self._answer)
        self._server.start()

    @property
    def url(self) -> str:
        """The server's URL, without ``/api``."""
        return self._server.url

    def counts(self) -> Mapping[str, Any]:
        """Return the counts since the last reset.

        Their form is ``{"total": …, "by_endpoint": {"GET /txs/{hash}/utxos": …}}``.
        """
        return self.counters.counts()

    def close(self) -> None:
        """Stop serving; the devnet continues."""
        self._server.close()

    def __enter__(self) -> "BlockfrostApi":
        """Return the API, which already serves."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close."""
        self.close()

    def _answer(self, message: Message) -> Answer | None:
        target = urlsplit(message.target)
        query = dict(parse_qsl(target.query, keep_blank_values=True))
        if target.path.startswith(CONTROL):
            return control(self, message, target.path)
        split = self.dress.split(unquote(target.path))
        root, path = split or ("", target.path)
        found = route(message.method, path) if split else Route(UNKNOWN, {})
        self.counters.count(found.endpoint)
        effects = self.faults.effects(found.endpoint)
        if effects.latency_ms:
            time.sleep(effects.latency_ms / 1000)
        if effects.cut_before:
            return None
        content_type = message.headers.get("content-type", "")
        request = Request(found.params, query, content_type, message.body, target.path)
        try:
            if effects.status is not None:
                raise ApiError(effects.status)
            if root in HOSTED:
                self._check_project(message.headers.get("project_id"))
            answer = self._dressed(found, request, effects)
            if effects.refusal is not None:
                raise ApiError(400, effects.refusal)
        except ApiError as error:
            answer = _as_json(error.body, error.status)
        if effects.cut_after:
            return None
        later = effects.retry_after
        headers = {} if later is None else {"Retry-After": str(later)}
        return replace(answer, headers=headers, sent=0.5 if effects.truncate else 1.0)

    def _dressed(self, found: Route, request: Request, effects: Effects) -> Answer:
        """Answer as the server does whose dress is worn. Raises :class:`ApiError`."""
        dress = self.dress
        if not dress.has(found.endpoint):
            posted = route("POST", request.path.removeprefix(dress.roots[0]))
            answer = dress.no_method if dress.has(posted.endpoint) else dress.no_route
            return answer(request.path)
        try:
            result = self._do(found, request, effects)
        except ApiError as error:
            if found.endpoint == SUBMIT and error.status == 400:
                return dress.refused(error)
            raise
        if found.endpoint == SUBMIT:
            return dress.submitted(result)
        edit = dress.edits.get(found.endpoint)
        return _as_json(edit(result) if edit else result)

    def _do(self, found: Route, request: Request, effects: Effects) -> Any:
        try:
            if found.endpoint in CALLS:
                return CALLS[found.endpoint](self.devnet, request)
            with self.devnet.chain() as chain:
                height = max(0, chain.tip.height - effects.stale_blocks)
                return LOOKUPS[found.endpoint.removeprefix("GET ")](View(chain, height), request)
        except ChainUnavailable as error:
            raise ApiError(500) from error
        except ApiError:
            raise
        except Exception as error:
            log.exception("the devnet's API failed at %s", found.endpoint)
            raise ApiError(500) from error

    def _check_project(self, project_id: str | None) -> None:
        if not project_id:
            raise ApiError(403, "Missing project token. Please include project_id in your request.")
        own = self.devnet.network.removeprefix("cardano:")
        if any(project_id.startswith(name) for name in NETWORKS if name != own):
            raise ApiError(403, "Network token mismatch.")


def _as_json(value: Any, status: int = 200) -> Answer:
    # not orjson: integers in data may have more than 64 bits
    return Answer(status, json.dumps(value, separators=(",", ":")).encode())
