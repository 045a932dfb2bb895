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
from facilitator.server.reload import PARTLY_TAKEN, Reload
from facilitator.server.sockets import port_of, url_of
from facilitator.server.workers.control_channel import ControlChannel
from facilitator.server.workers.signals import SIGNALS, Signals
from facilitator.server.workers.worker_slot import WorkerSlot
from facilitator.settings import ServerSettings

logger = logging.getLogger("facilitator.workers")

GRACE_SECONDS = 5.0
"""Time in which a worker must end, beyond ``server.shutdown_seconds``."""


class WorkerError(FacilitatorError):
    """A failure to start the worker processes."""


class SpawnResult(NamedTuple):
    """The objects of a worker that has just been forked."""

    control: ControlChannel
    share: ConnectionShare
    worker: Worker


class Supervisor:
    """The parent process of the workers."""

    def __init__(
        self,
        settings: ServerSettings,
        sockets: Sequence[socket.socket],
        signals: Signals,
        reload: Reload,
    ) -> None:
        """Take the sockets that the workers listen on, and close them at the end.

        Raises :class:`WorkerError` if the workers' folder cannot be made.
        """
        self._settings = settings
        self._reload = reload
        self._is_reloading = False
        self._sockets = sockets
        self._signals = signals
        self._url = url_of(settings, port_of(sockets[0]))
        self._slots = [WorkerSlot(index) for index in range(settings.workers)]
        self._balance = Balance(settings.workers)
        self._folder = _new_folder()
        self._announced = False

    def run(self) -> SpawnResult | None:
        """Supervise until a signal, and return ``None``; in a worker, return at once its objects.

        Raises :class:`WorkerError` when a worker ended before it was ready, and none was ready in
        its slot before.
        """
        try:
            while not self._signals.stop:
                for slot in self._slots:
                    self._check(slot)
                self._reload_settings()
                for slot in self._due():
                    if (control := self._start(slot)) is not None:
                        share = self._balance.share(slot.index)
                        return SpawnResult(control, share, Worker(slot.index, self._folder))
                self._wait(self._seconds_to_next())
        except WorkerError:
            self._stop()
            raise
        self._stop()
        return None

    def _open_slots(self) -> Sequence[WorkerSlot]:
        """Return the slots to fill; first only one, so that a common failure is reported once."""
        return self._slots if self._slots[0].was_ready else self._slots[:1]

    def _due(self) -> list[WorkerSlot]:
        now = time.monotonic()
        return [each for each in self._open_slots() if not each.pid and each.due_at <= now]

    def _seconds_to_next(self) -> float | None:
        due = [each.due_at for each in self._open_slots() if not each.pid]
        return max(0.0, min(due) - time.monotonic()) if due else None

    def _wait(self, seconds: float | None) -> None:
        self._signals.wait([each.control for each in self._slots if each.control], seconds)

    def _start(self, slot: WorkerSlot) -> ControlChannel | None:
        """Fork; return the control channel in the worker, and ``None`` here."""
        slot.reset()
        supervisor_end, worker_end = socket.socketpair()
        # Until the worker has handlers of its own again, what is sent to it waits.
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        try:
            pid = os.fork()
        except OSError as error:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
            supervisor_end.close()
            worker_end.close()
            self._handle_end(slot, f"a worker cannot be forked: {error.strerror}")
            return None
        if pid == 0:
            for end in (supervisor_end, *(each.control for each in self._slots)):
                if end is not None:
                    end.close()
            return ControlChannel(worker_end)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        worker_end.close()
        supervisor_end.setblocking(False)
        slot.pid, slot.control = pid, supervisor_end
        return None

    def _check(self, slot: WorkerSlot) -> None:
        """Act on a worker that has become ready or has ended."""
        # In this order, or a worker's last message could be missed.
        pid, was_ready, code = slot.pid, slot.is_ready, slot.take_exit_code()
        slot.receive()
        if slot.is_ready and not was_ready:
            slot.was_ready = True
            logger.info("worker %d is ready", pid)
            if not self._announced and all(each.was_ready for each in self._slots):
                self._announced = True
                announce(self._url)
        if code is not None:
            how = f"ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
            if slot.received and not slot.is_ready:
                how = f"cannot start: {slot.received.decode()}"
            self._handle_end(slot, f"worker {pid} {how}")

    def _reload_settings(self) -> None:
        """Have all processes read the settings again, if asked; one time after the other."""
        self._finish_reload()
        if self._announced and self._signals.reload_requested and not self._is_reloading:
            self._signals.reload_requested = False
            self._is_reloading = True
            # Workers that start later are copies of this process and have the settings as well.
            if self._reload.read_now():
                for slot in self._slots:
                    if slot.pid:
                        slot.reloads += 1
                        os.kill(slot.pid, signal.SIGHUP)
            self._finish_reload()

    def _finish_reload(self) -> None:
        """Notify the service manager if all processes have read the settings again."""
        if self._is_reloading and all(each.has_reloaded for each in self._slots):
            self._is_reloading = False
            status = self._reload.status
            if self._reload.is_taken and any(each.is_partial for each in self._slots):
                status = PARTLY_TAKEN
            sd_notify.notify_ready(status)

    def _handle_end(self, slot: WorkerSlot, reason: str) -> None:
        """Schedule the next worker. Raises :class:`WorkerError` if none was ready in the slot."""
        self._balance.share(slot.index).withdraw()
        if not slot.was_ready:
            raise WorkerError(reason)
        logger.warning("%s; the next one starts in %.1f s", reason, slot.schedule_next())

    def _stop(self) -> None:
        sd_notify.notify_stopping()
        for each in self._sockets:
            each.close()  # the port is free as soon as the workers have closed theirs
        deadline = time.monotonic() + self._settings.shutdown_seconds + GRACE_SECONDS
        for slot in self._slots:
            if slot.pid:
                os.kill(slot.pid, signal.SIGTERM)
        while running := self._running():
            left = deadline - time.monotonic()
            if left <= 0:
                _kill(running)
                break
            self._signals.wait((), left)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _running(self) -> Sequence[WorkerSlot]:
        return [each for each in self._slots if each.take_exit_code() is None and each.pid]


def _new_folder() -> Path:
    try:
        return Path(tempfile.mkdtemp(prefix="facilitator-workers-"))
    except OSError as error:
        raise WorkerError(f"no temporary folder for the workers: {error}") from error


def _kill(slots: Iterable[WorkerSlot]) -> None:
    for slot in slots:
        logger.warning("worker %d did not stop in time and is killed", slot.pid)
        os.kill(slot.pid, signal.SIGKILL)
        os.waitpid(slot.pid, 0)
