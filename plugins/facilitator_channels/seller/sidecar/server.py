"""The calls over HTTP, at a Unix socket that its owner alone can open.

A port of the loopback could be called by every process of the machine, and by pages in a browser:
each could have a channel charged for what was never served.
"""

import os
import socket
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingMixIn, UnixStreamServer

from facilitator_channels.seller.sidecar.calls import SellerCalls

_ONLY_OWNER = 0o600


class SidecarServer(ThreadingMixIn, UnixStreamServer):
    """Listens at a path, with a thread for each connection."""

    daemon_threads = True
    request_queue_size = 1024
    """A connection that finds no place in the queue of a Unix socket fails at once."""

    def __init__(self, path: Path, calls: SellerCalls) -> None:
        """Listen. Raises :class:`OSError`, also if another process listens there."""
        self.calls = calls
        self._path = path
        self._is_bound = False
        _make_way(path)
        super().__init__(str(path), _Handler)

    def server_bind(self) -> None:
        """Make the socket, which takes no connection yet, and shut others out."""
        super().server_bind()
        self._is_bound = True
        os.chmod(self._path, _ONLY_OWNER)

    def server_close(self) -> None:
        """Stop listening, and remove the socket, unless it is another process's."""
        super().server_close()
        if self._is_bound:
            self._path.unlink(missing_ok=True)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    server: SidecarServer

    def do_POST(self) -> None:
        """Answer a call, whose name is the path."""
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal():
            self.send_error(411)
            return
        reply = self.server.calls.answer(self.path[1:], self.rfile.read(int(length)))
        self.send_response(reply.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body)

    def log_message(self, *_: object) -> None:
        """Log nothing: the server that calls has the log of its requests."""


def _make_way(path: Path) -> None:
    """Remove a socket that a process has left behind. One that is in use stays."""
    if not path.is_socket():
        return
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
