"""Requests of a connection and their answers: waitress' own, but its errors are answered in JSON.

Relies on undocumented names of waitress, which tests/unit/server/test_waitress_names.py lists.
"""

import re
import sys
import time
from functools import lru_cache
from typing import Any

import orjson
from waitress.parser import HTTPRequestParser, ParsingError, TransferEncodingNotImplemented
from waitress.task import ErrorTask, WSGITask
from waitress.utilities import build_http_date

from facilitator.api.environ import DRAINING
from facilitator.api.errors import error_document
from facilitator.api.failures import DeliberateServerError, failure_context, report_failure
from facilitator.api.metrics import count_request
from facilitator.api.middleware import Cors, log_request
from facilitator.api.requests import request_id_of
from facilitator.api.responses import HEADERS
from facilitator.x402.reasons import Reason

MAX_HEADER_BYTES = 32768
MAX_CONTENT_LENGTH = 2**63 - 1
VERSIONS = ("1.0", "1.1")

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[\w.~!$&'()*+,;=%-]*)(:[0-9]*)?", re.ASCII)
"""A valid Host. Waitress joins several by a comma and a space, which no host has."""

_ERRORS = {
    400: (
        "bad_request",
        "The request is not well-formed HTTP/1.1 with one Host, or of an unknown coding.",
    ),
    413: (Reason.INVALID_PAYLOAD, "The body is too large."),
    431: (
        "headers_too_large",
        f"Request line and headers must not exceed {MAX_HEADER_BYTES} bytes.",
    ),
}
_ORIGIN = re.compile(rb"\r\nOrigin:[ \t]*([!-~]+)[ \t]*\r\n", re.IGNORECASE)
_FAULT = ("internal_error", "The facilitator failed to answer.")


class AppEnded(RuntimeError):
    """The app raised what would end its thread, so that the request would have no answer."""


class Task(WSGITask):
    """One request's call of the app, which notices when the server is stopping."""

    def execute(self) -> None:
        """Run the app. Waitress answers 500 for an :class:`Exception` alone."""
        try:
            super().execute()
        except Exception:
            raise
        except BaseException as error:
            raise AppEnded(type(error).__name__) from error

    def write(self, data: bytes) -> None:
        """Queue a part of the answer; head and body together, where the body is whole."""
        is_first = self.complete and not self.wrote_header
        if is_first and data and self.has_body and self.content_length == len(data):
            self.channel.write_soon(self.build_response_header() + data)
            self.wrote_header = True
            self.content_bytes_written = len(data)
        else:
            super().write(data)

    def finish(self) -> None:
        """End the answer, and send it without waiting for the event loop."""
        super().finish()
        self.channel.send_at_once()

    def get_environment(self) -> dict[str, Any]:
        """Return the WSGI environment."""
        environ: dict[str, Any] = super().get_environment()
        environ[DRAINING] = self.channel.server.draining
        return environ

    def build_response_header(self) -> bytes:
        """Return status line and headers.

        The last answer of a server that stops, or to a client that sends no more, says so.
        """
        is_last = self.channel.is_on_last_request
        is_over = self.channel.server.draining or self.channel.sends_no_more
        if is_over and is_last and self.version == "1.1":
            self.set_close_on_finish()
        header: bytes = self._build_ordinary_header() or super().build_response_header()
        return header

    def _build_ordinary_header(self) -> bytes | None:
        """Return what waitress does for most answers, at less cost; ``None`` for the others.

        Those are after which the connection closes, without a known length, or with headers that a
        server sets itself.
        """
        is_ordinary = self.version == "1.1" and self.has_body and not self.close_on_finish
        if not is_ordinary or "CONNECTION" in self.request.headers:
            return None
        lines = {_title(name): f"{_title(name)}: {value}" for name, value in self.response_headers}
        is_plain = "Content-Length" in lines and len(lines) == len(self.response_headers)
        if not is_plain or "Date" in lines or "Server" in lines:
            return None
        date = _http_date(int(self.start_time))
        head = f"HTTP/1.1 {self.status}", *lines.values(), f"Date: {date}", "", ""
        return "\r\n".join(head).encode("latin-1")


@lru_cache(maxsize=256)
def _title(name: str) -> str:
    return "-".join([part.capitalize() for part in name.split("-")])


@lru_cache(maxsize=2)
def _http_date(seconds: int) -> str:
    return str(build_http_date(seconds))


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
            *self._cors_headers(request),
        ]
        self.set_close_on_finish()
        self.channel.refused = True
        self._log(request_id, method, path)
        self._report(request_id, method, path, message)
        self.write(b"" if method == "HEAD" else body)

    def _cors_headers(self, request: "Parser") -> list[tuple[str, str]]:
        """Return the headers by which a browser shows the answer to the page that asked."""
        cors = getattr(self.channel.server.application, "cors", None)
        return cors.headers(request.origin) if isinstance(cors, Cors) else []

    def _log(self, request_id: str, method: str, path: str) -> None:
        """Count and log the answer."""
        seconds, status = time.time() - self.start_time, self.request.error.code
        meter = self.channel.server.meter
        count_request(meter, method=method, route=None, status=status, seconds=seconds)
        address = self.channel.addr[0]
        log_request(
            method=method, path=path, address=address, status=status, seconds=seconds,
            further={"reqId": request_id},
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

    @property
    def origin(self) -> str | None:
        """The header ``Origin``, also of a head that is too large to be parsed."""
        found = _ORIGIN.search(self.header_plus)
        origin: str | None = self.headers.get("ORIGIN", found[1].decode() if found else None)
        return origin

    def parse_header(self, header_plus: bytes) -> None:
        """Parse request line and headers. Raises :class:`ParsingError`."""
        try:
            super().parse_header(header_plus)
        except ValueError as error:  # a URL with half an IPv6 address, a number without end
            raise ParsingError(str(error)) from error
        except TransferEncodingNotImplemented as error:  # 501 would look like the server's fault
            raise ParsingError(str(error)) from error
        self._check_host()
        self._check_framing()

    def _check_host(self) -> None:
        """Refuse what RFC 9112 §2.3 and §3.2 have a server refuse."""
        if self.version not in VERSIONS:
            raise ParsingError("the version of HTTP is neither 1.0 nor 1.1")
        host = self.headers.get("HOST")
        if host is None:
            if self.version == "1.1":
                raise ParsingError("no Host")
        elif not _HOST.fullmatch(host):
            raise ParsingError("more than one Host, or no valid one")
        # A proxy may believe the host in the request line, and so must this server: RFC 9112 §3.2.2
        if self.proxy_netloc:
            if not _HOST.fullmatch(self.proxy_netloc):
                raise ParsingError("no valid host in the request line")
            self.headers["HOST"] = self.proxy_netloc

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
