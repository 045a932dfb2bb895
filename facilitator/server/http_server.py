"""The HTTP server: waitress, but it stops without losing a request; waitress itself drops some.

Relies on undocumented names of waitress, which tests/unit/server/test_waitress_names.py lists.
"""

import logging
import signal
import socket
import threading
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any

from waitress import wasyncore
from waitress.adjustments import Adjustments

from facilitator.api.failures import OnFailure
from facilitator.observability.metrics import BUSY_THREADS, CONNECTIONS, QUEUE, THREADS
from facilitator.roles.metrics import NO_METER, Meter
from facilitator.server import sd_notify
from facilitator.server.connection import HttpConnection, connection_limit
from facilitator.server.event_loop import SelectorMap
from facilitator.server.listener import Listener
from facilitator.server.load_balancing import ConnectionShare
from facilitator.server.sockets import BACKLOG, listen, url_of
from facilitator.server.tasks import MAX_HEADER_BYTES
from facilitator.server.thread_pool import ElasticThreadPool
from facilitator.settings import ServerSettings, Settings

logger = logging.getLogger("facilitator.server")

IDLE_SECONDS = 120
"""Time after which a connection without a request is closed."""
CLEANUP_SECONDS = 5
"""Interval at which idle and overdue connections are searched for."""
PIPELINED_REQUESTS = 4
"""Requests read ahead on a connection."""

_TO_STOP = (signal.SIGTERM, signal.SIGINT)


class Server:
    """A server that listens once created, and answers during :meth:`run` or after :meth:`start`."""

    def __init__(
        self,
        app: Callable[..., Any],
        settings: ServerSettings,
        *,
        network: str,
        on_drain: Callable[[], None] | None = None,
        meter: Meter = NO_METER,
        on_failure: OnFailure | None = None,
        sockets: Sequence[socket.socket] | None = None,
        share: ConnectionShare | None = None,
        on_thread_limit: Callable[[int], None] = lambda _: None,
    ) -> None:
        """Listen at the address, or take sockets that listen.

        Args:
            app: The WSGI app.
            settings: Where to listen, threads and limits.
            network: The network in errors of ``/settle`` that do not come from the app.
            on_drain: Called once when stopping begins, from the thread of :meth:`run`; must not
                block. The app then ends requests that it keeps waiting for long.
            meter: Counts answers that do not come from the app, and shows the threads.
            on_failure: Called for every request that is answered with 5xx without asking the app,
                or because the app raised.
            sockets: The sockets of :func:`~facilitator.server.sockets.listen`, perhaps shared with
                other processes. The server closes them.
            share: This process' share of the connections, if others accept from the same sockets.
            on_thread_limit: Called with the number of threads that there can be, when the system
                gives fewer than ``settings.threads``, and again when it gives more.

        Raises:
            ListenError: The address is taken, not permitted or not this machine's.
        """
        self._settings = settings
        self._on_drain = on_drain
        self._map = SelectorMap()
        self._thread_pool = ElasticThreadPool(settings.threads, on_limit=on_thread_limit)
        self._lock = threading.RLock()  # taken in signal handlers, so it must be re-entrant
        self._stopping = False
        self._closed = False
        self._thread: threading.Thread | None = None
        adjustments = _adjustments(settings)
        self._listeners = [
            Listener(
                app, self._map, _sock=each, dispatcher=self._thread_pool, adj=adjustments,
                sockinfo=(each.family, each.type, each.proto, each.getsockname()),
                bind_socket=False,
            )
            for each in (listen(settings) if sockets is None else sockets)
        ]  # fmt: skip
        for listener in self._listeners:
            listener.network = network
            listener.meter = meter
            listener.on_failure = on_failure
            listener.share = share
            listener.selector_map = self._map
        meter.gauge(THREADS, lambda: self._thread_pool.limit)
        meter.gauge(BUSY_THREADS, lambda: self._thread_pool.active_count)
        meter.gauge(QUEUE, lambda: len(self._thread_pool.queue))
        meter.gauge(CONNECTIONS, lambda: len(self._connections()))

    @property
    def port(self) -> int:
        """The actual port, also when 0 was set."""
        return int(self._listeners[0].effective_port)

    @property
    def url(self) -> str:
        """The URL at which clients reach the server."""
        return url_of(self._settings, self.port)

    def run(self) -> None:
        """Answer requests until :meth:`stop`, then drain; at most ``shutdown_seconds`` longer."""
        self._thread_pool.start()
        try:
            while not self._stopping:
                self._step(1.0)
            self._drain()
        finally:
            self._close()

    def start(self) -> None:
        """Run in a thread of its own."""
        self._thread = threading.Thread(target=self.run, name="http-server", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Make :meth:`run` end. Returns at once; safe in signal handlers and in any thread."""
        with self._lock:
            self._stopping = True
            if not self._closed:
                self._listeners[0].pull_trigger()

    def close(self) -> None:
        """Stop, and wait for the thread of :meth:`start`."""
        self.stop()
        if self._thread is not None:
            self._thread.join()
        else:
            self._close()

    def __enter__(self) -> "Server":
        """Start the server."""
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the server."""
        self.close()

    def _step(self, seconds: float) -> None:
        self._map.step(min(seconds, self._thread_pool.look()))

    def _drain(self) -> None:
        deadline = time.monotonic() + self._settings.shutdown_seconds
        for listener in self._listeners:
            listener.stop_accepting()
        self._step(0)  # requests that have arrived already are answered
        if self._on_drain:
            try:
                self._on_drain()
            except Exception:
                logger.exception("waiting requests could not be notified that the server stops")
        while (running := self._running()) and time.monotonic() < deadline:
            self._close_idle()
            self._step(0.05)
        if running:
            logger.warning("stopped before every request was answered", extra={"open": running})

    def _connections(self) -> list[HttpConnection]:
        return [one for each in self._listeners for one in each.active_channels.values()]

    def _running(self) -> int:
        """Return the number of unanswered requests, including those of clients that hung up."""
        pool = self._thread_pool
        with pool.lock:
            working = len(pool.queue) + pool.active_count
        return max(working, sum(not each.is_idle for each in self._connections()))

    def _close_idle(self) -> None:
        for connection in self._connections():
            if connection.is_idle and connection.lingers_until is None:
                connection.close_soon()

    def _close(self) -> None:
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._thread_pool.stop(0 if self._thread_pool.active_count else 1)
            wasyncore.close_all(self._map, ignore_all=True)


def _adjustments(settings: ServerSettings) -> Adjustments:
    adjustments = Adjustments(
        backlog=BACKLOG,
        connection_limit=connection_limit(),
        channel_timeout=IDLE_SECONDS,
        channel_request_lookahead=PIPELINED_REQUESTS,
        cleanup_interval=CLEANUP_SECONDS,
        # The app has the exact limit; here the framing of chunks counts too.
        max_request_body_size=2 * settings.max_body_bytes,
        max_request_header_size=MAX_HEADER_BYTES,
        ident=None,
        log_socket_errors=False,
        # The app reads forwarding headers, since waitress knows a single proxy only.
        clear_untrusted_proxy_headers=False,
    )
    # Headers and body of an answer leave in one piece. As an argument it is deprecated.
    adjustments.send_bytes = 18_000
    return adjustments


def announce(url: str) -> None:
    """Log the URL at which the server answers from now on, and notify systemd."""
    logger.info("listening on %s", url)
    sd_notify.notify_ready(f"listening on {url}")


def serve(
    app: Callable[..., Any],
    settings: Settings,
    on_drain: Callable[[], None] | None = None,
    *,
    meter: Meter = NO_METER,
    on_failure: OnFailure | None = None,
    sockets: Sequence[socket.socket] | None = None,
    share: ConnectionShare | None = None,
    on_thread_limit: Callable[[int], None] = lambda _: None,
    on_ready: Callable[[str], None] = announce,
) -> int:
    """Serve until SIGTERM or SIGINT, drain, and return the exit code 0.

    Call it from the main thread, at the end of the process' work: it leaves both signals ignored.
    Calls ``on_ready`` with the server's URL as soon as a signal drains. The other arguments, and
    the errors raised, are those of :class:`Server`.
    """
    network = settings.networks[0]
    server = Server(
        app,
        settings.server,
        network=network,
        on_drain=on_drain,
        on_failure=on_failure,
        meter=meter,
        sockets=sockets,
        share=share,
        on_thread_limit=on_thread_limit,
    )

    def stop(number: int, frame: object) -> None:  # noqa: ARG001
        sd_notify.notify_stopping()
        server.stop()

    for number in _TO_STOP:
        signal.signal(number, stop)
    try:
        on_ready(server.url)
        server.run()
    finally:
        for number in _TO_STOP:
            # The process is ending anyway: an exception would only cut short the final steps.
            signal.signal(number, signal.SIG_IGN)
    logger.info("stopped")
    return 0
