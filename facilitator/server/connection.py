"""Connections of the HTTP server: waitress, but its own errors are answered in JSON.

Relies on undocumented names of waitress, which tests/unit/server/test_waitress_names.py lists.
"""

import errno
import resource
import socket
import sys
import time
from contextlib import suppress
from typing import Any

import orjson
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError, TransferEncodingNotImplemented
from waitress.task import ErrorTask, WSGITask

from facilitator.api.environ import DRAINING
from facilitator.api.errors import error_document
from facilitator.api.failures import DeliberateServerError, failure_context, report_failure
from facilitator.api.metrics import count_request
from facilitator.api.middleware import log_request
from facilitator.api.requests import request_id_of
from facilitator.api.responses import HEADERS
from facilitator.x402.reasons import Reason

MAX_HEADER_BYTES = 32768
REQUEST_SECONDS = 30
"""Longest time in which a request must have arrived whole."""
ANSWER_SECONDS = 60
"""Longest time in which the client must have taken the answer."""
MAX_CONNECTIONS = 8192
LINGER_SECONDS = 2
"""Time for which input of a refused client is read on, so that the client can read the refusal."""

MAX_CONTENT_LENGTH = 2**63 - 1
_END_OF_HEAD = b"\r\n\r\n"

_ERRORS = {
    400: ("bad_request", "The request is not well-formed HTTP, or of an unknown transfer coding."),
    413: (Reason.INVALID_PAYLOAD, "The body is too large."),
    431: (
        "headers_too_large",
        f"Request line and headers must not exceed {MAX_HEADER_BYTES} bytes.",
    ),
}
_FAULT = ("internal_error", "The facilitator failed to answer.")


def connection_limit() -> int:
    """Return how many connections this process may hold: half of its files, as the app needs some.

    Raises the limit of files as far as the system allows. The usual 1024 would leave no room for
    callers that wait, and no answer for later ones, ``/health`` among them.
    """
    files, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * MAX_CONNECTIONS
    if files == resource.RLIM_INFINITY:
        return MAX_CONNECTIONS
    if files < wanted:
        files = wanted if most == resource.RLIM_INFINITY else min(wanted, most)
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, most))
    return min(MAX_CONNECTIONS, files // 2)


class Task(WSGITask):
    """One request's call of the app, which notices when the server is stopping."""

    def get_environment(self) -> dict[str, Any]:
        """Return the WSGI environment."""
        environ: dict[str, Any] = super().get_environment()
        environ[DRAINING] = self.channel.server.draining
        return environ

    def build_response_header(self) -> bytes:
        """Return status line and headers; a server that stops closes after its last answer."""
        is_last = self.channel.is_on_last_request
        if self.channel.server.draining and is_last and self.version == "1.1":
            self.set_close_on_finish()
        header: bytes = super().build_response_header()
        return header


class Refusal(ErrorTask):
    """The answer to a request that waitress itself refuses."""

    def execute(self) -> None:
        """Answer, and close the connection."""
        # For an exception of the app waitress makes up self.request, without path and headers.
        request, error = self.channel.requests[0], self.request.error
        path, method = request.path, request.command
        request_id = request_id_of(request.headers.get("X_REQUEST_ID"))
        reason, message = _ERRORS.get(error.code, _FAULT)
        network = self.channel.server.network
        document = error_document(path, reason, message, request_id=request_id, network=network)
        body = orjson.dumps(document)
        self.status = f"{error.code} {error.reason}"
        self.response_headers += [
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(body))),
            ("X-Request-ID", request_id),
            *HEADERS.items(),
        ]
        self.set_close_on_finish()
        self.channel.refused = True
        self._log(request_id, method, path)
        self._report(request_id, method, path, message)
        self.write(b"" if method == "HEAD" else body)

    def _log(self, request_id: str, method: str, path: str) -> None:
        """Count and log the answer."""
        seconds, status = time.time() - self.start_time, self.request.error.code
        meter = self.channel.server.meter
        count_request(meter, method=method, route=None, status=status, seconds=seconds)
        address = self.channel.addr[0]
        log_request(
            method=method, path=path, address=address, status=status, seconds=seconds,
            reqId=request_id,
        )  # fmt: skip

    def _report(self, request_id: str, method: str, path: str, message: str) -> None:
        """Report an answer of 5xx; an exception of the app is still being handled here."""
        on_failure, status = self.channel.server.on_failure, self.request.error.code
        if on_failure is None or status < 500:
            return
        error = sys.exception() or DeliberateServerError(message)
        context = failure_context(
            request_id=request_id, method=method, url=path, path=path, status=status
        )
        report_failure(on_failure, error, context)


class Parser(HTTPRequestParser):
    """A parser of one request, stricter than waitress' own."""

    command = path = ""  # of what cannot be read; waitress itself leaves them out

    def parse_header(self, header_plus: bytes) -> None:
        """Parse request line and headers. Raises :class:`ParsingError`."""
        try:
            super().parse_header(header_plus)
        except ValueError as error:  # a URL with half an IPv6 address, a number without end
            raise ParsingError(str(error)) from error
        except TransferEncodingNotImplemented as error:  # 501 would look like the server's fault
            raise ParsingError(str(error)) from error
        self._check_framing()

    def _check_framing(self) -> None:
        """Refuse lengths that a proxy may read in another way: it would see other requests."""
        # RFC 9112 §6.1 lets a server refuse the first; the second has no meaning.
        if self.chunked and "CONTENT_LENGTH" in self.headers:
            raise ParsingError("both Transfer-Encoding and Content-Length")
        if "TRANSFER_ENCODING" in self.headers:  # still, as waitress reads it in HTTP/1.1 only
            raise ParsingError("Transfer-Encoding in another version than HTTP/1.1")
        # A longer number may be unreadable: that depends on a limit that others may change.
        if self.content_length > MAX_CONTENT_LENGTH:
            raise ParsingError("Content-Length is no length")


class HttpConnection(HTTPChannel):
    """A connection of one client, with its requests and answers."""

    task_class = Task
    error_task_class = Refusal
    parser_class = Parser

    refused = False
    """True once waitress refused a request, perhaps without having read all of it."""
    request_since = 0.0
    answer_since = 0.0
    lingers_until: float | None = None

    def __init__(self, *arguments: Any, **named: Any) -> None:
        """Take the arguments of waitress' channel."""
        super().__init__(*arguments, **named)
        self.unused_since = time.monotonic()
        self._unread = b""
        """Data that the client sent after as many requests as may wait."""

    @property
    def is_idle(self) -> bool:
        """True if no request is arriving, being answered, or waiting for its answer."""
        return not (self.requests or self.request or self._unread or self.total_outbufs_len)

    @property
    def is_on_last_request(self) -> bool:
        """True if nothing has come after the request that is being answered."""
        return len(self.requests) <= 1 and not self._unread

    @property
    def at_rest(self) -> bool:
        """True if the awaited events stay the same until the client sends something."""
        # In this order: a thread that answers is done with the others before it takes a request
        # away, and asks for the body of the next one only afterwards.
        return not (
            self.requests
            or self._unread
            or self.total_outbufs_len
            or self.will_close
            or self.close_when_flushed
            or self.lingers_until is not None
            or self.sent_continue
            or (self.request is not None and self.request.expect_continue)
        )

    def close_soon(self) -> None:
        """Close the connection in the server's next round; call it in the server's thread."""
        self.will_close = True
        self.server.selector_map.recheck(self._fileno)

    @property
    def is_overdue(self) -> bool:
        """True if a request is arriving for too long, or the client takes an answer too slowly."""
        now = time.monotonic()
        if self.total_outbufs_len:
            return now > self.answer_since + ANSWER_SECONDS
        arriving = self.request is not None and not self.requests
        return arriving and now > self.request_since + REQUEST_SECONDS

    def received(self, data: bytes) -> bool:
        """Parse data that the client sent."""
        if self.lingers_until is not None:
            return False
        former = self.request
        most = self.adj.channel_request_lookahead
        received = True
        # Waitress would take all the requests that one packet holds, some 200 objects of 3 kB.
        while received and data and len(self.requests) <= most:
            end = _end_of_heads(data, most + 1)
            received = bool(super().received(data[:end]))
            data = data[end:]
        self._unread = data if received else b""
        if self.request is not former:
            self.request_since = time.monotonic()
        return received

    def service(self) -> None:
        """Answer a request; called in a thread of the pool."""
        super().service()
        self.unused_since = time.monotonic()

    def write_soon(self, data: Any) -> int:
        """Queue a part of an answer; return how many bytes."""
        if not self.total_outbufs_len:
            self.answer_since = time.monotonic()
        return int(super().write_soon(data))

    def send(self, data: bytes, do_close: bool = True) -> int:
        """Pass data to the system; return how many bytes it took."""
        try:
            return int(super().send(data, do_close=do_close))
        except AttributeError as error:  # closed meanwhile, by the thread that reads
            raise OSError(errno.EBADF, "the connection is closed") from error

    def send_continue(self) -> None:
        """Ask the client for the body with status 100."""
        # Waitress would wait for a body here even when there is none or it is refused already.
        if self.request is not None and self.request.completed:
            self.request.expect_continue = False
        else:
            super().send_continue()

    def readable(self) -> bool:
        """Return True if the socket is to be read. Parses data that was read before first."""
        if self.lingers_until is None:
            is_readable = bool(super().readable())
            if is_readable and self._unread:
                self.received(self._unread)
                is_readable = not self._unread and bool(super().readable())
            return is_readable
        if time.monotonic() > self.lingers_until:
            super().handle_close()
            return False
        return True

    def handle_close(self) -> None:
        """Close the connection, but linger while the client may still read a refusal."""
        # A socket that is closed with input unread is reset, and the reset overtakes the answer.
        if self.refused and self.connected and self.lingers_until is None and self.socket:
            self.lingers_until = time.monotonic() + LINGER_SECONDS
            self.will_close = False
            with suppress(OSError):  # gone already: reading will find out
                self.socket.shutdown(socket.SHUT_WR)
        else:
            super().handle_close()


def _end_of_heads(data: bytes, heads: int) -> int:
    """Return the latest end of so many heads of requests, or the end of the data."""
    if data.count(_END_OF_HEAD) <= heads:
        return len(data)
    end = 0
    for _ in range(heads):
        end = data.index(_END_OF_HEAD, end) + len(_END_OF_HEAD)
    return end
