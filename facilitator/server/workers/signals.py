"""The signals that a supervisor acts on, without a moment in which one is missed."""

import select
import signal
import socket
from collections.abc import Iterable
from contextlib import suppress
from types import TracebackType

from facilitator.server.reload import terminal_is_gone

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)


class Signals:
    """Notes the signals to stop and to read again; wakes who waits for these or a child's end."""

    def __init__(self) -> None:
        """Nothing happens before the block begins."""
        self.stop = False
        self.read_again = False

    def __enter__(self) -> "Signals":
        """Take the signals over."""
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
        """Give the signals back, and let those through that were held up for a worker."""
        for number, handler in self._former.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._former_waker)
        self._woken.close()
        self._waker.close()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)

    def _note(self, number: int, frame: object) -> None:  # noqa: ARG002
        if number == signal.SIGHUP and not terminal_is_gone():
            self.read_again = True
        else:
            self.stop |= number != signal.SIGCHLD

    def wait(self, others: Iterable[socket.socket], seconds: float | None) -> None:
        """Return after a signal, when one of the others can be read, or when the time is over."""
        select.select([self._woken, *others], [], [], seconds)
        with suppress(BlockingIOError):
            while self._woken.recv(4096):
                pass
