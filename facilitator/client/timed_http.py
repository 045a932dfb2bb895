"""Requests over HTTP that end in time, however slowly the other side sends its bytes.

The timeout of a socket starts again with each byte: a server that sends one now and then holds its
caller for ever. Here each read has the time that is left of the whole exchange.
"""

import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from http.client import (
    HTTPConnection,
    HTTPException,
    HTTPResponse,
    HTTPSConnection,
    InvalidURL,
)
from typing import Any, NamedTuple
from urllib.error import URLError
from urllib.request import (
    AbstractHTTPHandler,
    HTTPErrorProcessor,
    OpenerDirector,
    ProxyHandler,
    Request,
    UnknownHandler,
)

from facilitator.roles.payer import HttpAnswer

_CHUNK = 64 * 1024
_until: ContextVar[float] = ContextVar("until")
"""The monotonic time at which the exchange of this thread must be over."""


class HttpBounds(NamedTuple):
    """Limits of an exchange, in time and in size."""

    seconds: float
    """From the connection to the last byte that is read."""
    most_bytes: int
    """The bytes of the body that are read; further ones are left."""


class TimedHttp:
    """Makes requests, each over a connection of its own. Safe to use from many threads.

    It follows no redirection: what is sent to one server, such as a payment or a key, goes to no
    other.
    """

    def __init__(self, *, uses_proxy: bool = True) -> None:
        """Go through the proxy that the environment names, or through none."""
        self._opener = OpenerDirector()
        handlers = (UnknownHandler(), _AnyStatus(), _Handler())
        for each in (ProxyHandler(), *handlers) if uses_proxy else handlers:
            self._opener.add_handler(each)

    def ask(
        self,
        url: str,
        bounds: HttpBounds,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        method: str | None = None,
        page: HttpBounds | None = None,
    ) -> HttpAnswer:
        """Return the answer, whatever its status.

        Args:
            url: An address of HTTP or HTTPS.
            bounds: Those of the exchange.
            body: The bytes to send.
            headers: The headers to send.
            method: By default POST with a body, and else GET.
            page: Further bounds for the body of an answer 2xx, from its headers on.

        Raises:
            OSError: No whole answer came in time.
            ValueError: Such a request cannot be made.
        """
        try:
            request = Request(url, body, dict(headers or {}), method=method)  # noqa: S310
            with _within(bounds.seconds), self._opener.open(request) as answer:
                if page is None or not 200 <= answer.status < 300:
                    return _read(answer, bounds.most_bytes)
                with _within(page.seconds):
                    return _read(answer, page.most_bytes)
        except URLError as error:
            if isinstance(error.reason, TimeoutError):
                raise error.reason from None
            raise OSError(_why(error.reason)) from error
        except InvalidURL as error:
            raise ValueError(str(error)) from None
        except HTTPException as error:
            if isinstance(error, OSError):  # the connection was closed instead of an answer
                raise
            raise OSError(f"the answer is not HTTP, or was cut short: {error!r:.100}") from error


def _why(reason: object) -> str:
    """Return the reason in words, without the number of an error."""
    text = reason.strerror if isinstance(reason, OSError) else None
    return text or str(reason)


def _read(answer: HTTPResponse, most_bytes: int) -> HttpAnswer:
    body = bytearray()
    while left := most_bytes - len(body):
        part = answer.read1(min(_CHUNK, left))
        if not part:
            break
        body += part
    if left and answer.length:
        raise OSError("the answer was cut short")
    return HttpAnswer(answer.status, answer.headers, bytes(body))


@contextmanager
def _within(seconds: float) -> Iterator[None]:
    token = _until.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _until.reset(token)


def _leave_the_rest(of: socket.socket) -> None:
    """Let the socket's next call take the time that is left. Raises :class:`TimeoutError`."""
    left = _until.get() - time.monotonic()
    if left <= 0:
        raise TimeoutError("timed out")
    of.settimeout(left)


class _Plain(socket.socket):
    def recv_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> int:
        _leave_the_rest(self)
        return super().recv_into(buffer, nbytes, flags)

    def sendall(self, data: Any, flags: int = 0) -> None:
        _leave_the_rest(self)  # of which all that is sent has so much together
        super().sendall(data, flags)


class _Encrypted(ssl.SSLSocket):
    def recv_into(self, buffer: Any, nbytes: int | None = None, flags: int = 0) -> int:
        _leave_the_rest(self)
        return super().recv_into(buffer, nbytes, flags)

    def send(self, data: Any, flags: int = 0) -> int:
        _leave_the_rest(self)
        return super().send(data, flags)


def _connect(address: tuple[str, int], *_: object) -> socket.socket:
    """Return a connection to the first of the host's addresses that takes one."""
    failure = OSError(f"{address[0]} has no address")
    for family, kind, protocol, _name, place in socket.getaddrinfo(*address, 0, socket.SOCK_STREAM):
        sock = _Plain(family, kind, protocol)
        try:
            _leave_the_rest(sock)
            sock.connect(place)
        except OSError as error:
            sock.close()
            failure = error
        else:
            return sock
    raise failure


class _HttpConnection(HTTPConnection):
    def __init__(self, *given: Any, **further: Any) -> None:
        super().__init__(*given, **further)
        self._create_connection = _connect  # a variable, so that it can be replaced


class _HttpsConnection(HTTPSConnection):
    def __init__(self, *given: Any, **further: Any) -> None:
        super().__init__(*given, **further)
        self._create_connection = _connect


class _Handler(AbstractHTTPHandler):
    """Connects by sockets that keep the time."""

    def __init__(self) -> None:
        super().__init__()
        self._tls: ssl.SSLContext | None = None

    http_request = https_request = AbstractHTTPHandler.do_request_

    def http_open(self, request: Request) -> HTTPResponse:
        return self.do_open(_HttpConnection, request)

    def https_open(self, request: Request) -> HTTPResponse:
        if self._tls is None:  # which takes a while to load
            self._tls = ssl.create_default_context()
            self._tls.sslsocket_class = _Encrypted
        return self.do_open(_HttpsConnection, request, context=self._tls)


class _AnyStatus(HTTPErrorProcessor):
    """Makes no error of a status, and so follows no redirection."""

    def http_response(self, request: Request, response: HTTPResponse) -> HTTPResponse:  # noqa: ARG002
        return response

    https_response = http_response
