"""The HTTP server: waitress, made to stop without losing a request.

Relies on the inside of waitress 3, whose own way to stop drops requests; the tests cover it.
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
from facilitator.server.connection import MAX_HEADER_BYTES, HttpConnection, connection_limit
from facilitator.server.event_loop import SelectorMap
from facilitator.server.listener import Listener
from facilitator.server.load_balancing import ConnectionShare
from facilitator.server.sockets import BACKLOG, listen, url_of
from facilitator.server.thread_pool import ElasticThreadPool
from facilitator.settings import ServerSettings, Settings

logger = logging.getLogger("facilitator.server")

IDLE_SECONDS = 120
"""A connection without a request is closed after this long."""
CLEANUP_SECONDS = 5
"""How often connections are looked through for idle and overdue ones."""
PIPELINED_REQUESTS = 4
"""Requests read ahead on a connection. More than none, or a client's hang-up goes unnoticed."""

_TO_STOP = (signal.SIGTERM, signal.SIGINT)


class Server:
    """Listens from the moment it is made; answers while :meth:`run` runs or after :meth:`start`."""

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
    ) -> None:
        """Listen at the address, or take sockets that listen.

        Args:
            app: The WSGI app.
            settings: Where to listen, threads and limits.
            network: Named in errors of ``/settle`` that are answered without asking the app.
            on_drain: Called once when stopping begins, from the thread of :meth:`run`; must not
                block. Whoever keeps requests waiting for long lets them go on it.
            meter: Counts what is answered without asking the app, and watches the threads.
            on_failure: Told of every request that is answered with 5xx without asking the app, or
                because the app raised.
            sockets: What :func:`~facilitator.server.sockets.listen` returned, perhaps
                shared with other processes. The server closes them.
            share: This process' share of the connections, if others accept from the same sockets.

        Raises:
            ListenError: The address is taken, not permitted or not this machine's.
        """
        self._settings = settings
        self._on_drain = on_drain
        self._map = SelectorMap()
        self._dispatcher = ElasticThreadPool(settings.threads)
        self._lock = threading.RLock()  # taken in signal handlers, so it must be re-entrant
        self._stopping = False
        self._closed = False
        self._thread: threading.Thread | None = None
        adjustments = _adjustments(settings)
        self._listeners = [
            Listener(
                app, self._map, _sock=each, dispatcher=self._dispatcher, adj=adjustments,
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
            listener.watched = self._map
        meter.gauge(THREADS, lambda: settings.threads)
        meter.gauge(BUSY_THREADS, lambda: self._dispatcher.active_count)
        meter.gauge(QUEUE, lambda: len(self._dispatcher.queue))
        meter.gauge(CONNECTIONS, lambda: len(self._channels()))

    @property
    def port(self) -> int:
        """The port in fact, also when 0 was set."""
        return int(self._listeners[0].effective_port)

    @property
    def url(self) -> str:
        """Where clients reach it."""
        return url_of(self._settings, self.port)

    def run(self) -> None:
        """Answer requests until :meth:`stop`, then drain; at most ``shutdown_seconds`` longer."""
        self._dispatcher.start()
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
        """Ask :meth:`run` to end. Returns at once; fit for signal handlers and any thread."""
        with self._lock:
            self._stopping = True
            if not self._closed:
                self._listeners[0].pull_trigger()

    def close(self) -> None:
        """Stop, and wait for what :meth:`start` started."""
        self.stop()
        if self._thread is not None:
            self._thread.join()
        else:
            self._close()

    def __enter__(self) -> "Server":
        """Start."""
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close."""
        self.close()

    def _step(self, seconds: float) -> None:
        self._map.step(seconds)

    def _drain(self) -> None:
        deadline = time.monotonic() + self._settings.shutdown_seconds
        for listener in self._listeners:
            listener.stop_accepting()
        self._step(0)  # requests that have arrived already are answered
        if self._on_drain:
            try:
                self._on_drain()
            except Exception:
                logger.exception("waiting requests could not be told that the server stops")
        while (running := self._running()) and time.monotonic() < deadline:
            self._close_idle()
            self._step(0.05)
        if running:
            logger.warning("stopped before every request was answered", extra={"open": running})

    def _channels(self) -> list[HttpConnection]:
        return [one for each in self._listeners for one in each.active_channels.values()]

    def _running(self) -> int:
        """Requests that are not answered yet, those of clients that hung up included."""
        dispatcher = self._dispatcher
        with dispatcher.lock:
            working = len(dispatcher.queue) + dispatcher.active_count
        return max(working, sum(not channel.is_idle for channel in self._channels()))

    def _close_idle(self) -> None:
        for channel in self._channels():
            if channel.is_idle and channel.lingers_until is None:
                channel.close_soon()

    def _close(self) -> None:
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._dispatcher.stop(0 if self._dispatcher.active_count else 1)
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
        # The app judges forwarding headers, since waitress knows a single proxy only.
        clear_untrusted_proxy_headers=False,
    )
    # Headers and body of an answer leave in one piece. As an argument it is deprecated.
    adjustments.send_bytes = 18_000
    return adjustments


def announce(url: str) -> None:
    """Tell the log and systemd where clients are answered from now on."""
    logger.info("listening on %s", url)
    sd_notify.ready(f"listening on {url}")


def serve(
    app: Callable[..., Any],
    settings: Settings,
    on_drain: Callable[[], None] | None = None,
    *,
    meter: Meter = NO_METER,
    on_failure: OnFailure | None = None,
    sockets: Sequence[socket.socket] | None = None,
    share: ConnectionShare | None = None,
    on_ready: Callable[[str], None] = announce,
) -> int:
    """Serve until SIGTERM or SIGINT, drain, and return the exit code 0.

    Must be called from the main thread, as one of the last things that the process does: both
    signals are ignored from then on. ``on_ready`` is called with the server's URL as soon as a
    signal drains. Otherwise as :class:`Server`, and raises as it does.
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
    )

    def stop(number: int, frame: object) -> None:  # noqa: ARG001
        sd_notify.stopping()
        server.stop()

    for number in _TO_STOP:
        signal.signal(number, stop)
    try:
        on_ready(server.url)
        server.run()
    finally:
        for number in _TO_STOP:
            # The process is ending as it is: an exception would only cut short what is closed next.
            signal.signal(number, signal.SIG_IGN)
    logger.info("stopped")
    return 0
