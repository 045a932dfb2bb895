"""A small real HTTP server that answers as a test says, faults on the wire included."""

import json
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

STATUS_LINE = "HTTP/1.1 {} Whatever\r\n"


class Asked(NamedTuple):
    """A request as it came over the wire."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class Raw(NamedTuple):
    """Bytes to send as they are."""

    data: bytes
    then_close: bool = False


CUT = Raw(b"", then_close=True)
"""Close the connection without an answer."""


class Silence(NamedTuple):
    """Answer nothing until the event is set, then close."""

    until: threading.Event


class Drip(NamedTuple):
    """Send these bytes one by one, with a pause after each until the event is set."""

    data: bytes
    over: threading.Event


Reply: TypeAlias = Raw | Silence | Drip


def reply(status: int, value: Any, **headers: str) -> Raw:
    """An answer with a JSON body, or with the bytes given."""
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    lines = "".join(f"{name.replace('_', '-')}: {text}\r\n" for name, text in headers.items())
    head = f"{STATUS_LINE.format(status)}{lines}Content-Length: {len(body)}\r\n\r\n"
    return Raw(head.encode() + body)


def problem(status: int, message: str = "no", **headers: str) -> Raw:
    """An error as Blockfrost's API words it."""
    return reply(status, {"status_code": status, "error": "X", "message": message}, **headers)


NOT_FOUND = problem(404, "The requested component has not been found.")


@dataclass
class Upstream:
    """The server: what it is asked it has ``answer`` answer, and remembers."""

    answer: Callable[[Asked], Reply]
    port: int = 0
    asked: list[Asked] = field(default_factory=list)
    connections: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def count(self, path: str) -> int:
        return sum(asked.path.partition("?")[0].endswith(path) for asked in self.asked)


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, upstream: Upstream) -> None:
        self.upstream = upstream
        self.open: set[socket.socket] = set()
        super().__init__(("127.0.0.1", 0), _Connection)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients go away in tests."""


class _Connection(socketserver.StreamRequestHandler):
    disable_nagle_algorithm = True

    def handle(self) -> None:
        server = self.server
        assert isinstance(server, _Server)
        with server.upstream.lock:
            server.upstream.connections += 1
            server.open.add(self.connection)
        with suppress(OSError):
            while (asked := self._asked()) is not None:
                with server.upstream.lock:
                    server.upstream.asked.append(asked)
                answer = server.upstream.answer(asked)
                if isinstance(answer, Silence):
                    answer.until.wait()
                    return
                if isinstance(answer, Drip):
                    self._drip(answer)
                    continue
                self.wfile.write(answer.data)
                if answer.then_close:
                    return

    def _drip(self, answer: Drip) -> None:
        for number in range(len(answer.data)):
            self.wfile.write(answer.data[number : number + 1])
            answer.over.wait(0.01)

    def _asked(self) -> Asked | None:
        line = self.rfile.readline().decode()
        if not line:
            return None
        method, path, _ = line.split(" ")
        headers = {}
        while (line := self.rfile.readline().decode().strip()) != "":
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        body = self.rfile.read(int(headers.get("content-length", 0)))
        return Asked(method, path, headers, body)


@contextmanager
def serving(answer: Callable[[Asked], Reply]) -> Iterator[Upstream]:
    """The server while it runs."""
    upstream = Upstream(answer)
    with _Server(upstream) as server:
        upstream.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield upstream
        finally:
            server.shutdown()
            thread.join()
            for connection in list(server.open):
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)


def in_turn(*replies: Reply) -> Callable[[Asked], Reply]:
    """Each reply once, the last one for ever."""
    left = list(replies)
    return lambda _: left.pop(0) if len(left) > 1 else left[0]


def by_path(replies: Mapping[str, Any]) -> Callable[[Asked], Reply]:
    """JSON by the path below ``/v0``, its query left out; 404 elsewhere."""

    def answer(asked: Asked) -> Reply:
        path = asked.path.partition("?")[0].partition("/v0")[2]
        if path not in replies:
            return NOT_FOUND
        value = replies[path]
        return value if isinstance(value, Raw | Silence | Drip) else reply(200, value)

    return answer
