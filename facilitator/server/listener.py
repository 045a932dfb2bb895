"""Listening sockets of the HTTP server, and the connections that they accept.

Relies on undocumented names of waitress, which tests/unit/server/test_waitress_names.py lists.
"""

import logging
import threading
import time
from typing import Any

from waitress import wasyncore
from waitress.server import TcpWSGIServer

from facilitator.api.failures import OnFailure
from facilitator.roles.metrics import NO_METER, Meter
from facilitator.server.connection import HttpConnection
from facilitator.server.event_loop import SelectorMap
from facilitator.server.load_balancing import ConnectionShare

logger = logging.getLogger("facilitator.server")

ACCEPTED_AT_ONCE = 64
"""Connections to accept before existing ones are served again."""
SPARE_CONNECTIONS = 8
"""With so few left to the limit, unused connections are closed."""


class _Answering(threading.local):
    """The connection whose request the thread answers."""

    connection: HttpConnection | None = None


class Listener(TcpWSGIServer):
    """A listening socket and its connections."""

    channel_class = HttpConnection
    draining = False
    network = ""
    meter: Meter = NO_METER
    on_failure: OnFailure | None = None
    share: ConnectionShare | None = None
    """This process' share, if other processes accept from the same socket."""
    selector_map: SelectorMap

    def __init__(self, *arguments: Any, **named: Any) -> None:
        """Take the arguments of waitress' server."""
        self.answering = _Answering()
        super().__init__(*arguments, **named)
        self.trigger.at_rest = True  # type: ignore[attr-defined]  # it awaits the same always

    def pull_trigger(self) -> None:
        """Wake the event loop, unless the calling thread's answer leaves it nothing to do."""
        connection = self.answering.connection
        if connection is not None:
            if connection.leaves_nothing_to_do:
                return
            connection.look_again()
        super().pull_trigger()

    def readable(self) -> bool:
        """Return True if connections are to be accepted; asked before each wait for events."""
        if self.share is not None:
            self.share.set_count(len(self._map))
        if self.accepting and len(self._map) >= self.adj.connection_limit - SPARE_CONNECTIONS:
            self._make_room()
        return bool(super().readable())

    def handle_accept(self) -> None:
        """Accept waiting connections, unless another process is first."""
        for number in range(ACCEPTED_AT_ONCE):
            if self.share is not None and not self.draining and (pause := self.share.yield_seconds):
                if number:
                    break
                time.sleep(pause)
            known = len(self._map)
            super().handle_accept()
            if len(self._map) == known or known >= self.adj.connection_limit:
                break
            if self.share is not None:
                self.share.set_count(known + 1)

    def maintenance(self, now: float) -> None:
        """Close connections that have been idle, or slow, for too long."""
        super().maintenance(now)
        for connection in list(self.active_channels.values()):
            if connection.takes_no_answer:
                connection.cut_off()
            elif connection.is_overdue or connection.will_close:
                connection.close_soon()

    def _make_room(self) -> None:
        """Close the connections unused for longest, so that there is room for active clients."""
        unused = [each for each in self.active_channels.values() if not each.requests]
        unused.sort(key=lambda connection: connection.unused_since)
        for connection in unused[: 1 + len(unused) // 16]:
            connection.close_soon()
        logger.warning("closed unused connections to make room for others")

    def stop_accepting(self) -> None:
        """Take the connections that the kernel has accepted already, then close the socket."""
        self.draining = True
        if self.share is not None:
            self.share.withdraw()
        known = -1
        while known < len(self.active_channels):
            known = len(self.active_channels)
            self.handle_accept()
        wasyncore.dispatcher.close(self)
