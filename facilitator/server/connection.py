"""Connections of the HTTP server: waitress' own, with time limits and without lost answers.

Relies on undocumented names of waitress, which tests/unit/server/test_waitress_names.py lists.
"""

import errno
import resource
import socket
import time
from contextlib import suppress
from typing import Any

from waitress.channel import HTTPChannel

from facilitator.pauses import pausing
from facilitator.server.hang_ups import ends, is_reset
from facilitator.server.tasks import Parser, Refusal, Task

REQUEST_SECONDS = 30
"""Longest time in which a request must have arrived whole."""
ANSWER_SECONDS = 60
"""Longest time in which the client must have taken the answer."""
MAX_CONNECTIONS = 8192
LINGER_SECONDS = 2
"""Time for which input of a refused client is read on, so that the client can read the refusal."""

QUEUED_SECONDS = 1.0
"""Time after which a request is not served before its client was looked for."""
CONFIRM_SECONDS = 1.0
"""Time for which the network may take to report that a client is gone."""
ASK_AGAIN_SECONDS = 5.0
"""Time after which a client that sends no more is asked again; twice as long each time."""

_END_OF_HEAD = b"\r\n\r\n"
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


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
    sends_no_more = False
    """True once all that the client sent was read, and it ended its sending side, or hung up."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        """Take the arguments of waitress' channel."""
        super().__init__(*arguments, **named)
        self.unused_since = time.monotonic()
        self._unread = b""
        """Data that the client sent after as many requests as may wait."""
        self._queued_since = 0.0
        self._ask_at = 0.0
        self._ask_pause = ASK_AGAIN_SECONDS

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
        """True if the awaited events stay the same until the client sends something.

        A thread that answers a request, and changes them, has the event loop look again.
        """
        return not (self._has_many_requests or self._occupies_event_loop)

    @property
    def _occupies_event_loop(self) -> bool:
        """True if something is to be sent, parsed, closed or timed beside the requests."""
        return bool(
            self._unread
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
        self.look_again()

    def look_again(self) -> None:
        """Have the event loop ask for the events to await, in its next round."""
        self.server.selector_map.recheck(self._fileno)

    def cut_off(self) -> None:
        """Close the connection at once; call it in the server's thread."""
        super().handle_close()

    @property
    def takes_no_answer(self) -> bool:
        """True if the client takes an answer too slowly.

        The system may take no more for it. Then no event follows in which it could be closed.
        """
        is_late = time.monotonic() > self.answer_since + ANSWER_SECONDS
        return bool(self.total_outbufs_len) and is_late

    @property
    def is_overdue(self) -> bool:
        """True if a request is arriving for too long."""
        arriving = self.request is not None and not self.requests
        return arriving and time.monotonic() > self.request_since + REQUEST_SECONDS

    def received(self, data: bytes) -> bool:
        """Parse data that the client sent."""
        if self.lingers_until is not None:
            return False
        if not self.requests:
            self._queued_since = time.monotonic()
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

    def handle_read(self) -> None:
        """Read what the client sent. One that sends no more may still wait for its answers."""
        client = self.socket
        if client is None:  # closed by an event before
            return
        try:
            data = client.recv(self.adj.recv_bytes)
        except BlockingIOError:
            return
        except OSError:
            self.handle_close()
            return
        if data:
            self.last_activity = int(time.time())
            self.received(data)
        elif self.lingers_until is None and self._owes_answers:
            self.sends_no_more = True
        else:
            self.handle_close()

    @property
    def _owes_answers(self) -> bool:
        return bool(self.requests or self._unread or self.total_outbufs_len)

    def check_client_disconnected(self) -> bool:
        """Return True if the client is gone; called in the thread that answers it.

        One that has ended its sending side looks like one that has hung up. It is asked by an
        answer that clients skip (RFC 9110 §15.2): if it is gone, the network reports that within
        :data:`CONFIRM_SECONDS`. One that cannot be asked counts as gone.
        """
        client = self.socket
        if client is None or not self.connected:
            return True
        with self.outbuf_lock:  # so that the socket is not closed meanwhile
            if not self.connected or is_reset(client):
                return True
            if not self._may_be_gone(client) or time.monotonic() < self._ask_at:
                return False
            if not self._ask_whether_there(client):
                return True
        with pausing():
            is_broken = is_reset(client, CONFIRM_SECONDS)
        if is_broken or not self.connected:
            return True
        self._ask_at = time.monotonic() + self._ask_pause
        self._ask_pause *= 2
        return False

    def _may_be_gone(self, client: socket.socket) -> bool:
        """Return True if it sends no more, or so much that its end would not be seen behind it."""
        is_behind = self._unread or len(self.requests) > self.adj.channel_request_lookahead
        return bool(self.sends_no_more or is_behind or ends(client))

    def _ask_whether_there(self, client: socket.socket) -> bool:
        """Return False if the client cannot be asked: with HTTP/1.0, or if it takes no answers."""
        if not self.requests or self.requests[0].version != "1.1":
            return False
        try:
            self._flush_some(do_close=False)
            sent = 0 if self.total_outbufs_len else client.send(_CONTINUE)
        except OSError:
            return False
        if 0 < sent < len(_CONTINUE):  # what follows could not be read
            self.will_close = True
        return sent == len(_CONTINUE)

    def service(self) -> None:
        """Answer a request; called in a thread of the pool."""
        has_waited = time.monotonic() > self._queued_since + QUEUED_SECONDS
        if has_waited and self.check_client_disconnected() and self._is_broken:
            self.connected = False  # so that waitress leaves the request out
        answering = self.server.answering
        answering.connection = self
        try:
            super().service()
        finally:
            answering.connection = None
        self.unused_since = self._queued_since = time.monotonic()

    def send_at_once(self) -> None:
        """Send what is queued of the answer of the calling thread, as much as the system takes."""
        # While its request is still there, the event loop sends with this lock alone.
        with self.outbuf_lock:
            if self.total_outbufs_len:
                self._flush_exception(self._flush_some, do_close=False)

    @property
    def leaves_nothing_to_do(self) -> bool:
        """True if the event loop awaits the right events, now that a request is answered."""
        had_many = len(self.requests) >= self.adj.channel_request_lookahead
        return not (had_many or self.sends_no_more or self._occupies_event_loop)

    @property
    def _is_broken(self) -> bool:
        return self.socket is None or is_reset(self.socket)

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
            is_readable = self._takes_requests
            if is_readable and self._unread:
                self.received(self._unread)
                is_readable = not self._unread and self._takes_requests
            if self.sends_no_more and not self._owes_answers:
                super().handle_close()
            return is_readable and not self.sends_no_more
        if time.monotonic() > self.lingers_until:
            super().handle_close()
            return False
        return True

    def writable(self) -> bool:
        """Return True if the event loop is to send something, or to close the connection."""
        return bool(self.will_close or self.close_when_flushed or self._has_to_send)

    @property
    def _takes_requests(self) -> bool:
        is_closing = self.will_close or self.close_when_flushed
        return not (is_closing or self._has_many_requests or self._has_to_send)

    @property
    def _has_many_requests(self) -> bool:
        return len(self.requests) > int(self.adj.channel_request_lookahead)

    @property
    def _has_to_send(self) -> bool:
        """True if a part of an answer is queued that no thread is about to send."""
        queued: int = self.total_outbufs_len
        return queued >= (self.adj.send_bytes if self.requests else 1)

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
