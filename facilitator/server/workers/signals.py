"""The signals that a supervisor acts on; none is missed."""

import select
import signal
import socket
from collections.abc import Iterable
from contextlib import suppress
from types import TracebackType

from facilitator.server.reload import terminal_is_gone

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)


class Signals:
    """A record of signals to stop and to read again; these, and a child's end, end :meth:`wait`."""

    def __init__(self) -> None:
        """Begin with no signal noted; the ``with`` block handles the signals."""
        self.stop = False
        self.reload_requested = False

    def __enter__(self) -> "Signals":
        """Install the handlers."""
        self._woken, self._waker = socket.socketpair()
        self._woken.setblocking(False)
        self._waker.setblocking(False)
        fileno = self._waker.fileno()
        self._former_waker = signal.set_wakeup_fd(fileno, warn_on_full_buffer=False)
        self._former = {number: signal.signal(number, self._note) for number in SIGNALS}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Restore the former handlers, and unblock the signals that waited for a worker's."""
        for number, handler in self._former.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._former_waker)
        self._woken.close()
        self._waker.close()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)

    def _note(self, number: int, frame: object) -> None:  # noqa: ARG002
        if number == signal.SIGHUP and not terminal_is_gone():
            self.reload_requested = True
        else:
            self.stop |= number != signal.SIGCHLD

    def wait(self, others: Iterable[socket.socket], seconds: float | None) -> None:
        """Wait for a signal, input on one of the others, or the end of the time."""
        select.select([self._woken, *others], [], [], seconds)
        with suppress(BlockingIOError):
            while self._woken.recv(4096):
                pass
