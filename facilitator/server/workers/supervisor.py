"""The supervisor: starts, watches, replaces and stops the workers."""

import logging
import os
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from facilitator.errors import FacilitatorError
from facilitator.plugin.context import Worker
from facilitator.server import sd_notify
from facilitator.server.http_server import announce
from facilitator.server.load_balancing import Balance, ConnectionShare
from facilitator.server.reload import Reload
from facilitator.server.sockets import port_of, url_of
from facilitator.server.workers.control_channel import ControlChannel
from facilitator.server.workers.signals import SIGNALS, Signals
from facilitator.server.workers.worker_slot import Place
from facilitator.settings import ServerSettings

logger = logging.getLogger("facilitator.workers")

GRACE_SECONDS = 5.0
"""How much longer than ``server.shutdown_seconds`` a worker may take to end."""


class WorkerError(FacilitatorError):
    """The worker processes cannot start."""


class Begun(NamedTuple):
    """What a worker has at its beginning."""

    line: ControlChannel
    share: ConnectionShare
    worker: Worker


class Supervisor:
    """Starts, watches, replaces and stops the workers."""

    def __init__(
        self,
        settings: ServerSettings,
        sockets: Sequence[socket.socket],
        signals: Signals,
        reload: Reload,
    ) -> None:
        """Take the sockets that the workers listen on; they are closed at the end.

        Raises :class:`WorkerError` when there is no place for the workers' folder.
        """
        self._settings = settings
        self._reload = reload
        self._is_reading_again = False
        self._sockets = sockets
        self._signals = signals
        self._url = url_of(settings, port_of(sockets[0]))
        self._places = [Place(index) for index in range(settings.workers)]
        self._balance = Balance(settings.workers)
        self._folder = _new_folder()
        self._announced = False

    def run(self) -> Begun | None:
        """In the supervisor return ``None`` at the end; in a worker, at its beginning, what it has.

        Raises :class:`WorkerError` when a worker ended before it was ready, and none was in its
        place before.
        """
        try:
            while not self._signals.stop:
                for place in self._places:
                    self._look_at(place)
                self._read_again()
                for place in self._due():
                    if (line := self._start(place)) is not None:
                        share = self._balance.share(place.index)
                        return Begun(line, share, Worker(place.index, self._folder))
                self._wait(self._seconds_to_next())
        except WorkerError:
            self._stop()
            raise
        self._stop()
        return None

    def _open_places(self) -> Sequence[Place]:
        """Return the first worker starts alone: what fails with every worker is told once."""
        return self._places if self._places[0].served else self._places[:1]

    def _due(self) -> list[Place]:
        now = time.monotonic()
        return [each for each in self._open_places() if not each.pid and each.due <= now]

    def _seconds_to_next(self) -> float | None:
        due = [each.due for each in self._open_places() if not each.pid]
        return max(0.0, min(due) - time.monotonic()) if due else None

    def _wait(self, seconds: float | None) -> None:
        self._signals.wait([each.line for each in self._places if each.line], seconds)

    def _start(self, place: Place) -> ControlChannel | None:
        """Fork; in the worker return its line."""
        place.begin()
        ours, theirs = socket.socketpair()
        # Until the worker has handlers of its own again, what is sent to it waits.
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        try:
            pid = os.fork()
        except OSError as error:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
            ours.close()
            theirs.close()
            self._ended(place, f"a worker cannot be forked: {error.strerror}")
            return None
        if pid == 0:
            for line in (ours, *(each.line for each in self._places)):
                if line is not None:
                    line.close()
            return ControlChannel(theirs)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        theirs.close()
        ours.setblocking(False)
        place.pid, place.line = pid, ours
        return None

    def _look_at(self, place: Place) -> None:
        """Take notice of a worker that has become ready or has ended."""
        # In this order, or what a worker said at its end could be missed.
        pid, was_ready, code = place.pid, place.is_ready, place.exit_code()
        place.hear()
        if place.is_ready and not was_ready:
            place.served = True
            logger.info("worker %d is ready", pid)
            if not self._announced and all(each.served for each in self._places):
                self._announced = True
                announce(self._url)
        if code is not None:
            how = f"ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
            if place.said and not place.is_ready:
                how = f"cannot start: {place.said.decode()}"
            self._ended(place, f"worker {pid} {how}")

    def _read_again(self) -> None:
        """Have the settings read again by all, one time after the other."""
        self._notice_all_have_read()
        if self._announced and self._signals.read_again and not self._is_reading_again:
            self._signals.read_again = False
            self._is_reading_again = True
            # Whoever is started later is a copy of this process and has them as well.
            if self._reload.again():
                for place in self._places:
                    if place.pid:
                        place.asked += 1
                        os.kill(place.pid, signal.SIGHUP)
            self._notice_all_have_read()

    def _notice_all_have_read(self) -> None:
        if self._is_reading_again and all(each.has_read_again for each in self._places):
            self._is_reading_again = False
            sd_notify.ready(self._reload.status)

    def _ended(self, place: Place, what: str) -> None:
        """Plan the next worker. Raises :class:`WorkerError` when none was ready here."""
        self._balance.share(place.index).give_up()
        if not place.served:
            raise WorkerError(what)
        logger.warning("%s; the next one starts in %.1f s", what, place.pause())

    def _stop(self) -> None:
        sd_notify.stopping()
        for each in self._sockets:
            each.close()  # the port is free as soon as the workers have closed theirs
        deadline = time.monotonic() + self._settings.shutdown_seconds + GRACE_SECONDS
        for place in self._places:
            if place.pid:
                os.kill(place.pid, signal.SIGTERM)
        while running := self._running():
            left = deadline - time.monotonic()
            if left <= 0:
                _kill(running)
                break
            self._signals.wait((), left)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _running(self) -> Sequence[Place]:
        return [each for each in self._places if each.exit_code() is None and each.pid]


def _new_folder() -> Path:
    try:
        return Path(tempfile.mkdtemp(prefix="facilitator-workers-"))
    except OSError as error:
        raise WorkerError(f"no temporary folder for the workers: {error}") from error


def _kill(places: Iterable[Place]) -> None:
    for place in places:
        logger.warning("worker %d did not stop in time and is killed", place.pid)
        os.kill(place.pid, signal.SIGKILL)
        os.waitpid(place.pid, 0)
