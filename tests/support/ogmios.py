"""A devnet behind its Ogmios, asked by the plugin; and an Ogmios that a test scripts."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from http import HTTPStatus
from socket import SHUT_RDWR
from threading import Thread
from typing import Any, NamedTuple

from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection, serve

from facilitator.roles.chain import Tip
from facilitator.roles.chain_errors import ChainUnavailable
from facilitator.testing.clock import ManualClock
from facilitator.testing.over_devnet import OverDevnet
from facilitator.testing.waiting import eventually
from facilitator_devnet.devnet import Devnet
from facilitator_devnet.ogmios.api import OgmiosApi
from facilitator_ogmios.chain_sync import ChainSync
from facilitator_ogmios.client import Client
from facilitator_ogmios.connection import Target
from facilitator_ogmios.points import PointFile
from facilitator_ogmios.provider import Ogmios

NETWORK = "cardano:preprod"
MAX_MESSAGE_BYTES = 16 * 1024 * 1024


class OgmiosUnderTest(OverDevnet[Ogmios]):
    """A chain under test that can refuse what it takes, and be cut off."""

    def __init__(self, api: OgmiosApi, provider: Ogmios) -> None:
        super().__init__(provider, api.devnet)
        self.api = api

    def make_block(self) -> None:
        super().make_block()
        self.catch_up()

    def roll_back(self, blocks: int) -> None:
        super().roll_back(blocks)
        self.catch_up()

    def catch_up(self) -> None:
        """Wait until the provider knows of the newest block."""
        eventually(lambda: self._knows() == self.devnet.tip())

    def _knows(self) -> Tip | None:
        with suppress(ChainUnavailable):
            return self.provider.tip()
        return None

    def refuse_what_is_taken(self, text: str) -> None:
        self.api.faults.refuse(text, "submitTransaction", times=1)

    def cut_off(self) -> None:
        self.api.close()
        eventually(self.is_cut_off)

    def is_cut_off(self) -> bool:
        """Whether the provider knows that blocks cannot be followed."""
        try:
            self.provider.tip()
        except ChainUnavailable:
            return True
        return False


def provider_of(
    url: str,
    clock: ManualClock,
    *,
    network: str = NETWORK,
    path: str | None = None,
    blocks: int = 2160,
    timeout: float = 60.0,
    submit_timeout: float = 60.0,
    silence_seconds: float = 1e9,
    **options: Any,
) -> Ogmios:
    """The plugin's provider of an Ogmios."""
    target = Target(url, options.pop("headers", {}), MAX_MESSAGE_BYTES)
    client = Client(target, timeout=timeout, submit_timeout=submit_timeout, **options)
    sync = ChainSync(target, PointFile(path), blocks=blocks, timeout=timeout)
    return Ogmios(network, client, sync, clock, silence_seconds=silence_seconds)


@contextmanager
def under_test(clock: ManualClock, **options: Any) -> Iterator[OgmiosUnderTest]:
    """Yield a chain under test."""
    with (
        closing(Devnet(NETWORK, clock)) as devnet,
        OgmiosApi(devnet) as api,
        closing(provider_of(api.url, clock, **options)) as provider,
    ):
        yield OgmiosUnderTest(api, provider)


Answer = Callable[[str, Mapping[str, Any]], Any]
"""The answer of a method: a result, an :class:`Error`, :class:`Raw` text or :data:`CUT`."""
CUT = object()
"""End the connection."""


class Raw(NamedTuple):
    """Text to send as it is."""

    text: str


class Error(NamedTuple):
    """An error of JSON-RPC."""

    code: Any
    message: str = "no"
    data: Any = None


class Scripted:
    """A WebSocket server that answers as a test says, and remembers what it is asked."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.asked: list[tuple[str, Mapping[str, Any]]] = []
        self.headers: list[Mapping[str, str]] = []
        self.version = "v6.14.0"
        self._server = serve(
            self._serve,
            "127.0.0.1",
            0,
            process_request=self._show_health,
            compression=None,
            close_timeout=1,
        )
        self.url = f"ws://127.0.0.1:{self._server.socket.getsockname()[1]}"
        self._thread = Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()

    def _show_health(self, connection: ServerConnection, request: Request) -> Response | None:
        if request.path != "/health":
            return None
        shown = {"version": self.version, "connectionStatus": "connected"}
        return connection.respond(HTTPStatus.OK, json.dumps(shown))

    def _serve(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        self.headers.append(dict(connection.request.headers.raw_items()))
        with suppress(ConnectionClosed, OSError):
            for text in connection:
                question = json.loads(text)
                params = question.get("params", {})
                self.asked.append((question["method"], params))
                found = self.answer(question["method"], params)
                if found is CUT:
                    connection.socket.shutdown(SHUT_RDWR)
                elif isinstance(found, Raw):
                    connection.send(found.text)
                else:
                    is_error = isinstance(found, Error)
                    shown = {"error": found._asdict()} if is_error else {"result": found}
                    answer = {"jsonrpc": "2.0", "method": question["method"], **shown}
                    connection.send(json.dumps({**answer, "id": question["id"]}))


@contextmanager
def scripted(answers: Mapping[str, Any] | Answer) -> Iterator[Scripted]:
    """Yield a server that has one answer for each method, or a function for all."""
    answer = answers if callable(answers) else lambda method, _: answers[method]
    with closing(Scripted(answer)) as server:
        yield server
