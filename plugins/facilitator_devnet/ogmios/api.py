"""The devnet's Ogmios-compatible API: JSON-RPC 2.0 over WebSocket, and ``/health``."""

import logging
import time
from collections.abc import Mapping
from contextlib import suppress
from http import HTTPStatus
from socket import SHUT_RDWR
from threading import Thread
from types import TracebackType
from typing import Any

import orjson
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.protocol import OPEN
from websockets.sync.server import ServerConnection
from websockets.sync.server import serve as listen_for

from facilitator.plugin import ChainUnavailable, Tip
from facilitator_devnet.blockfrost.counters import Counters
from facilitator_devnet.blockfrost.faults import Effects, Faults
from facilitator_devnet.devnet import Devnet
from facilitator_devnet.ogmios.session import METHODS, Session
from facilitator_devnet.ogmios.shapes import show_tip
from facilitator_devnet.ogmios.transactions import RpcError
from facilitator_devnet.protocol import era_name

HEALTH = "GET /health"
COUNTERS = "/devnet/counters"
ENDPOINTS = (*METHODS, HEALTH)
"""The names by which requests are counted, and faults chosen."""
UNKNOWN = "unknown"
"""The name under which other requests are counted."""
LOST = "Connection with the node lost or failed."
NODE_LOST = {"code": -32_000, "message": LOST}
MAX_MESSAGE_BYTES = 1024 * 1024

log = logging.getLogger(__name__)
_silent = logging.getLogger(f"{__name__}.connections")
_silent.setLevel(logging.CRITICAL)


class OgmiosApi:
    """An Ogmios for a devnet, at :attr:`url`."""

    def __init__(self, devnet: Devnet, host: str = "127.0.0.1", port: int = 0) -> None:
        """Serve on the address; the port 0 takes a free one. Raises :class:`OSError`."""
        self.devnet = devnet
        self.version = "v6.14.0"
        """The version that ``/health`` shows, 6 or 7, and whose names new connections get."""
        self.faults = Faults(ENDPOINTS)
        self.counters = Counters()
        self._server = listen_for(
            self._serve,
            host,
            port,
            process_request=self._process,
            compression=None,
            server_header=None,
            max_size=MAX_MESSAGE_BYTES,
            close_timeout=1.0,
            logger=_silent,
        )
        name = f"[{host}]" if ":" in host else host
        self.url = f"ws://{name}:{self._server.socket.getsockname()[1]}"
        self._thread = Thread(target=self._server.serve_forever, name="devnet-ogmios", daemon=True)
        self._thread.start()

    def counts(self) -> Mapping[str, Any]:
        """Return the counts since the last reset.

        Their form is ``{"total": …, "by_endpoint": {"queryLedgerState/utxo": …}}``.
        """
        return self.counters.counts()

    def lose_node(self) -> None:
        """Close every connection as Ogmios does when its node is gone; new ones are welcome."""
        for connection in self._server.connections:
            _close_without_node(connection)

    def close(self) -> None:
        """Stop serving; the devnet continues."""
        self._server.shutdown()
        self._thread.join()

    def __enter__(self) -> "OgmiosApi":
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

    # --- HTTP -------------------------------------------------------------------------------------

    def _process(self, connection: ServerConnection, request: Request) -> Response | None:  # noqa: ARG002
        """Answer a request of HTTP; ``None`` for one that opens a WebSocket."""
        if request.path == COUNTERS:
            return _response(200, self.counts())
        if request.path != "/health":
            return None
        self.counters.count(HEALTH)
        effects = self.faults.effects(HEALTH)
        time.sleep(effects.latency_ms / 1000)
        if effects.status is not None:
            return _response(effects.status, {})
        with self.devnet.chain() as chain:
            tip = show_tip(Tip(chain.tip.point, chain.tip.height))
            era = era_name(chain.schedule.at(chain.tip.point.slot)).lower()
        return _response(
            200,
            {
                "startTime": None,
                "lastKnownTip": tip,
                "lastTipUpdate": None,
                "networkSynchronization": 1.0,
                "currentEra": era,
                "connectionStatus": "connected",
                "version": self.version,
                "network": self.devnet.network.removeprefix("cardano:"),
            },
        )

    # --- WebSocket --------------------------------------------------------------------------------

    def _serve(self, connection: ServerConnection) -> None:
        session = Session(self.devnet, self.version, lambda: connection.protocol.state is OPEN)
        with suppress(ConnectionClosed, OSError):
            for text in connection:
                self._answer(connection, session, text)

    def _answer(self, connection: ServerConnection, session: Session, text: str | bytes) -> None:
        try:
            question = orjson.loads(text)
            method, params = question["method"], question.get("params") or {}
        except (orjson.JSONDecodeError, LookupError, TypeError, AttributeError):
            error = {"code": -32_600, "message": "The request is no JSON-RPC."}
            connection.send(_json({"jsonrpc": "2.0", "error": error, "id": None}))
            return
        endpoint = method if method in ENDPOINTS else UNKNOWN
        self.counters.count(endpoint)
        effects = self.faults.effects(endpoint)
        time.sleep(effects.latency_ms / 1000)
        if effects.status is not None:
            _close_without_node(connection)
            return
        if effects.cut_before:
            _cut(connection)
            return
        outcome = self._outcome(session, str(method), params, effects)
        answer = {"jsonrpc": "2.0", "method": method, **outcome, "id": question.get("id")}
        if effects.cut_after:
            _cut(connection)
            return
        shown = _json(answer)
        connection.send(shown[: len(shown) // 2] if effects.truncate else shown)
        if effects.truncate:
            _cut(connection)

    def _outcome(
        self, session: Session, method: str, params: Mapping[str, Any], effects: Effects
    ) -> Mapping[str, Any]:
        try:
            result = session.answer(method, params, effects.stale_blocks)
        except RpcError as error:
            return {"error": error.shown}
        except ChainUnavailable:
            return {"error": NODE_LOST}
        except Exception:
            log.exception("the devnet's Ogmios failed at %s", method)
            return {"error": {"code": -32_603, "message": "internal error"}}
        if effects.refusal is not None:
            return {"error": _refusal(effects.refusal)}
        return {"result": result}


def _refusal(text: str) -> Any:
    """Return the error object that the text is in JSON, else one with that message."""
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        found = None
    if isinstance(found, dict) and isinstance(found.get("error"), dict):
        return found["error"]
    return {"code": -32_603, "message": text}


def _close_without_node(connection: ServerConnection) -> None:
    connection.close(1000, _json({"jsonrpc": "2.0", "error": NODE_LOST}))


def _cut(connection: ServerConnection) -> None:
    """End the connection without a word."""
    with suppress(OSError):
        connection.socket.shutdown(SHUT_RDWR)


def _response(status: int, content: Any) -> Response:
    body = orjson.dumps(content)
    headers = Headers({"Content-Type": "application/json", "Content-Length": str(len(body))})
    return Response(status, HTTPStatus(status).phrase, headers, body)


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()
