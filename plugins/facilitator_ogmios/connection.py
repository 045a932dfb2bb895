"""One WebSocket to Ogmios, on which one thread asks one question after the other.

JSON-RPC 2.0 (https://ogmios.dev/api). An answer has the ``id`` of its question.
"""

import logging
import time
from collections.abc import Mapping
from contextlib import ExitStack
from itertools import count
from typing import Any, NamedTuple

import orjson
from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.protocol import OPEN
from websockets.sync.client import connect

from facilitator.plugin import NotSent, one_line

CONNECT_SECONDS = 3.0
PING_SECONDS = 20.0
"""Seconds between pings, and to their answers. Ogmios closes connections after 90 s of silence."""
CLOSE_SECONDS = 1.0

# It would log headers, and so a key.
_silent = logging.getLogger("facilitator_ogmios.websocket")
_silent.setLevel(logging.CRITICAL)


class Target(NamedTuple):
    """An Ogmios to connect to."""

    url: str
    headers: Mapping[str, str]
    max_message_bytes: int


class TooSlow(TimeoutError):
    """The answer did not come in time."""


class Broken(Exception):
    """The connection broke, or what came is no answer; the text is the reason."""


class Connection:
    """A connection. After an error it is of no use, and is to be closed."""

    def __init__(self, target: Target, timeout: float = CONNECT_SECONDS) -> None:
        """Connect. Raises :class:`NotSent`."""
        self._stack = ExitStack()
        self._ids = count(1)
        self._opened_at = time.monotonic()
        try:
            self._socket = self._stack.enter_context(
                connect(
                    target.url,
                    additional_headers=dict(target.headers),
                    compression=None,
                    user_agent_header=None,
                    proxy=None,
                    open_timeout=min(timeout, CONNECT_SECONDS),
                    ping_interval=PING_SECONDS,
                    ping_timeout=PING_SECONDS,
                    close_timeout=CLOSE_SECONDS,
                    max_size=target.max_message_bytes,
                    logger=_silent,
                )
            )
        except (OSError, WebSocketException) as error:
            raise NotSent from error

    @property
    def is_open(self) -> bool:
        """True unless it is known to be closed."""
        return self._socket.protocol.state is OPEN

    @property
    def age(self) -> float:
        """Seconds since it was opened."""
        return time.monotonic() - self._opened_at

    def ask(self, method: str, params: Mapping[str, object], timeout: float) -> Mapping[str, Any]:
        """Return the answer, a result or an error. Raises :class:`TooSlow` and :class:`Broken`."""
        deadline = time.monotonic() + timeout
        number = self.send(method, params)
        while True:
            answer = self.receive(deadline - time.monotonic())
            if answer.get("id") == number:
                return answer
            if answer.get("id") is None:  # for a message that Ogmios could not read
                raise Broken(f"Ogmios does not understand {method}: {_error(answer)}")

    def send(self, method: str, params: Mapping[str, object]) -> int:
        """Send a question; return its id. Raises :class:`Broken`."""
        number = next(self._ids)
        question: dict[str, object] = {"jsonrpc": "2.0", "method": method, "id": number}
        if params:
            question["params"] = params
        try:
            self._socket.send(orjson.dumps(question).decode())
        except (ConnectionClosed, OSError) as error:
            raise Broken(_reason(error)) from None
        return number

    def receive(self, timeout: float | None) -> Mapping[str, Any]:
        """Return the next answer. Raises :class:`TooSlow`, :class:`Broken`."""
        try:
            text = self._socket.recv(None if timeout is None else max(0.0, timeout))
        except TimeoutError:
            raise TooSlow from None
        except (ConnectionClosed, OSError) as error:
            raise Broken(_reason(error)) from None
        try:
            answer = orjson.loads(text)
        except orjson.JSONDecodeError:
            answer = None
        if not isinstance(answer, dict):
            raise Broken("Ogmios answered with something else than JSON-RPC")
        return answer

    def close(self) -> None:
        """Close it; a thread that waits for an answer goes on with :class:`Broken`."""
        self._stack.close()


def _reason(error: Exception) -> str:
    """Return why the connection ended: Ogmios says so in JSON when it closes one."""
    if isinstance(error, ConnectionClosed) and error.rcvd is not None and error.rcvd.reason:
        try:
            return _error(orjson.loads(error.rcvd.reason))
        except (orjson.JSONDecodeError, AttributeError):
            pass
    return one_line(error)


def _error(answer: Mapping[str, Any]) -> str:
    error = answer.get("error")
    message = error.get("message") if isinstance(error, dict) else None
    return message if isinstance(message, str) else "it closed the connection"
