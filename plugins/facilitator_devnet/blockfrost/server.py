"""A small HTTP/1.1 server whose connections can be cut: a thread for each connection."""

import logging
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any

log = logging.getLogger(__name__)

MAX_BODY_BYTES = 1024 * 1024
IDLE_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Message:
    """A request as received."""

    method: str
    target: str
    """The path and the query."""
    headers: Mapping[str, str]
    """The headers by name in lower case."""
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """A response, possibly cut short."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json; charset=utf-8"
    sent: float = 1.0
    """The fraction of the body that is sent; below 1, the connection is closed after it."""


class Server:
    """A server that listens at once and answers after :meth:`start`."""

    def __init__(self, host: str, port: int, answer: Callable[[Message], Answer | None]) -> None:
        """Bind the address. ``answer`` may return ``None`` to cut the connection.

        Raises :class:`OSError`.
        """
        self._server = _Listener((host, port), answer)
        self._thread = Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05},
            name="devnet-http", daemon=True,
        )  # fmt: skip

    @property
    def url(self) -> str:
        """The server's URL."""
        host, port = self._server.server_address[:2]
        text = str(host)
        return f"http://{f'[{text}]' if ':' in text else text}:{port}"

    def start(self) -> None:
        """Answer in threads of the server."""
        self._thread.start()

    def close(self) -> None:
        """Stop listening and cut every connection."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()
        self._server.cut_all()


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512

    def __init__(
        self, address: tuple[str, int], answer: Callable[[Message], Answer | None]
    ) -> None:
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.answer = answer
        self._lock = Lock()
        self._open: set[socket.socket] = set()
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        # not that of HTTPServer, which asks the name service for the host's name
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def cut_all(self) -> None:
        with self._lock:
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002
        log.debug("a connection ended badly", exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = IDLE_SECONDS
    server: _Listener

    def do_GET(self) -> None:
        self._handle()

    def do_POST(self) -> None:
        self._handle()

    def do_DELETE(self) -> None:
        self._handle()

    def _handle(self) -> None:
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not length.isdecimal():
            self.send_error(HTTPStatus.LENGTH_REQUIRED)
        elif int(length) > MAX_BODY_BYTES:
            self.send_error(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        else:
            body = self.rfile.read(int(length))
            headers = {name.lower(): value for name, value in self.headers.items()}
            self._send(self.server.answer(Message(self.command, self.path, headers, body)))

    def _send(self, answer: Answer | None) -> None:
        if answer is None:
            self.close_connection = True
            return
        phrase = HTTPStatus(answer.status).phrase
        head = [
            f"HTTP/1.1 {answer.status} {phrase}",
            f"Content-Type: {answer.content_type}",
            f"Content-Length: {len(answer.body)}",
            *(f"{name}: {value}" for name, value in answer.headers.items()),
        ]
        if answer.sent < 1:
            self.close_connection = True
        elif self.close_connection:
            head.append("Connection: close")
        body = answer.body[: int(len(answer.body) * answer.sent)]
        self.connection.sendall("\r\n".join([*head, "", ""]).encode() + body)

    def log_message(self, *arguments: object) -> None:
        """Log nothing: tests count requests."""
