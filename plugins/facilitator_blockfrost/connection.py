"""One kept-alive HTTP/1.1 connection, as cheap as one can be in Python.

A request takes 0.06 ms of processor time this way, where ``http.client`` takes 0.13, urllib3 0.28
and requests 0.69 (16 threads, one core, no TLS). The rest of a ``/verify`` takes about half a
millisecond. The connection sends the bytes that it is given. It reads the framing of RFC 9112:
lengths, chunks, or everything up to the end.
"""

import select
import socket
import ssl
import time
from typing import NamedTuple

from facilitator_blockfrost.proxy import Proxy

MAX_HEAD = 64 * 1024
MAX_BODY = 32 * 1024 * 1024
LIFETIME_SECONDS = 10.0
"""Age at which a connection is used no more: the host's name may lead to another server by now, as
after a failover, and a machine on the way may have dropped an idle connection silently."""

_RECEIVE = 64 * 1024
_LONGEST_CHUNK_LINE = 1024
_MAX_DIGITS = 9
_NO_CONTENT = (204, 304)
_SLACK = 0.05
"""Seconds by which a timeout may be off: to set another one is a system call."""


class ProtocolError(ConnectionError):
    """The received bytes are no HTTP/1.1 answer, or the answer is cut short or too large."""


class Answer(NamedTuple):
    """An HTTP answer, as much of it as the Blockfrost API uses."""

    status: int
    body: bytes
    retry_after: int | None = None
    """The header's value, if it is in seconds."""


class Origin(NamedTuple):
    """The address to connect to."""

    host: str
    port: int
    tls: ssl.SSLContext | None
    proxy: Proxy | None = None
    """The proxy on the way there."""

    def connect(self, timeout: float) -> "Connection":
        """Return a new connection. Raises :class:`OSError`."""
        address = (self.host, self.port) if self.proxy is None else self.proxy[:2]
        sock = socket.create_connection(address, timeout)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.tls is not None:
                if self.proxy is not None:
                    self._tunnel(sock, self.proxy, time.monotonic() + timeout)
                sock = self.tls.wrap_socket(sock, server_hostname=self.host)
        except BaseException:
            sock.close()
            raise
        return Connection(sock)

    def _tunnel(self, sock: socket.socket, proxy: Proxy, deadline: float) -> None:
        """Have the proxy pass on everything to the origin."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        target = f"{host}:{self.port}"
        request = f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{proxy.header}\r\n"
        sock.sendall(request.encode())
        answer = b""
        while b"\r\n\r\n" not in answer:
            sock.settimeout(max(0.001, deadline - time.monotonic()))
            data = sock.recv(_RECEIVE)
            answer += data
            if not data or len(answer) > MAX_HEAD:
                raise ProtocolError("the proxy does not answer in HTTP")
        _, _, rest = answer.partition(b" ")
        if not rest.startswith(b"2"):
            status = rest[:3].decode("ascii", "replace")
            raise ProtocolError(f"the proxy refuses to connect to it ({status})")


class Connection:
    """A connection for one request at a time. Not for use by several threads at once."""

    def __init__(self, sock: socket.socket) -> None:
        """Take a connected socket."""
        self._socket = sock
        self._buffer = b""
        self._timeout = -1.0
        """That of the socket, once it was set."""
        self._deadline = 0.0
        self._poll = select.poll()
        self._poll.register(sock, select.POLLIN)
        self._opened_at = time.monotonic()
        self.reusable = True
        """True if another request may follow."""
        self.answered = False
        """True if any byte of the last answer came."""

    def is_stale(self) -> bool:
        """Return True if it is too old, or the other end closed it or sent unrequested bytes."""
        if time.monotonic() - self._opened_at > LIFETIME_SECONDS:
            return True
        tls = self._socket if isinstance(self._socket, ssl.SSLSocket) else None
        if not self._poll.poll(0):
            return tls is not None and tls.pending() > 0
        return tls is None or self._has_sent(tls)

    def _has_sent(self, tls: ssl.SSLSocket) -> bool:
        """Return False if all that came is of TLS itself, such as a ticket."""
        tls.settimeout(0)
        self._timeout = -1.0
        try:
            tls.recv(1)
        except (BlockingIOError, ssl.SSLWantReadError):
            return False
        except OSError:
            return True
        return True

    def ask(self, request: bytes, timeout: float) -> Answer:
        """Send the request and read its answer within ``timeout`` seconds.

        Raises :class:`OSError`; the connection is of no use then.
        """
        self.reusable = self.answered = False
        self._deadline = time.monotonic() + timeout
        self._wait_for(timeout)
        self._socket.sendall(request)
        status, headers = self._head()
        while 100 <= status < 200:
            status, headers = self._head()
        body, ends_by_closing = self._body(status, headers)
        self.reusable = not (
            ends_by_closing or self._buffer or b"close" in headers.get(b"connection", b"").lower()
        )
        retry_after = headers.get(b"retry-after", b"")[:_MAX_DIGITS]
        return Answer(status, body, int(retry_after) if retry_after.isdigit() else None)

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def _wait_for(self, seconds: float) -> None:
        """Have the next calls of the socket wait so long at most, give or take :data:`_SLACK`."""
        if abs(self._timeout - seconds) > _SLACK:
            self._socket.settimeout(seconds)
            self._timeout = seconds

    def _receive(self) -> bytes:
        """Return more bytes, none at the end. Raises :class:`OSError`."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        self._wait_for(left)
        data = self._socket.recv(_RECEIVE)
        self.answered = self.answered or bool(data)
        return data

    def _more(self) -> None:
        data = self._receive()
        if not data:
            raise ProtocolError("the connection was closed before the answer ended")
        self._buffer += data

    def _until(self, mark: bytes, longest: int) -> bytes:
        """Return the bytes before the mark, and consume the mark."""
        while (end := self._buffer.find(mark)) < 0:
            if len(self._buffer) > longest:
                raise ProtocolError("the answer has too long a head")
            self._more()
        found, self._buffer = self._buffer[:end], self._buffer[end + len(mark) :]
        return found

    def _head(self) -> tuple[int, dict[bytes, bytes]]:
        lines = self._until(b"\r\n\r\n", MAX_HEAD).split(b"\r\n")
        version, _, rest = lines[0].partition(b" ")
        if not version.startswith(b"HTTP/1.") or not rest[:3].isdigit():
            raise ProtocolError("the answer is not HTTP")
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(b":")
            headers[name.lower()] = value.strip()
        if version == b"HTTP/1.0":
            headers.setdefault(b"connection", b"close")
        return int(rest[:3]), headers

    def _body(self, status: int, headers: dict[bytes, bytes]) -> tuple[bytes, bool]:
        """Return the body, and True if the end of the connection ended it."""
        if status in _NO_CONTENT:
            return b"", False
        if b"chunked" in headers.get(b"transfer-encoding", b"").lower():
            return self._chunks(), False
        length = headers.get(b"content-length")
        if length is None:
            return self._rest(), True
        if not length.isdigit() or len(length) > _MAX_DIGITS:
            raise ProtocolError("the answer has a length that cannot be")
        return self._exactly(int(length)), False

    def _exactly(self, length: int) -> bytes:
        if length > MAX_BODY:
            raise ProtocolError("the answer is too large")
        parts, got = [self._buffer], len(self._buffer)
        while got < length:
            data = self._receive()
            if not data:
                raise ProtocolError("the connection was closed before the answer ended")
            parts.append(data)
            got += len(data)
        whole = b"".join(parts) if len(parts) > 1 else parts[0]
        self._buffer = whole[length:]
        return whole[:length]

    def _chunks(self) -> bytes:
        parts: list[bytes] = []
        total = 0
        while True:
            line = self._until(b"\r\n", _LONGEST_CHUNK_LINE).partition(b";")[0].strip()
            try:
                size = int(line, 16)
            except ValueError:
                raise ProtocolError("the answer has a chunk without a length") from None
            total += size
            if size < 0 or total > MAX_BODY:
                raise ProtocolError("the answer is too large")
            if size == 0:
                while self._until(b"\r\n", MAX_HEAD):
                    pass
                return b"".join(parts)
            parts.append(self._exactly(size))
            if self._exactly(2) != b"\r\n":
                raise ProtocolError("the answer has a chunk of another length than it states")

    def _rest(self) -> bytes:
        parts, got = [self._buffer], len(self._buffer)
        self._buffer = b""
        while got <= MAX_BODY:
            data = self._receive()
            if not data:
                return b"".join(parts)
            parts.append(data)
            got += len(data)
        raise ProtocolError("the answer is too large")
