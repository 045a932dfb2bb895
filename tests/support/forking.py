"""Programs that run in a process which is forked from one that has imported the facilitator."""

import atexit
import os
import resource
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import IO, NamedTuple

from support import fork_server
from support.fork_server import Order

READ_AT_START = ("LANG", "LC_", "LD_", "MALLOC_", "PYTHON", "TZ")
"""Beginnings of the names of variables that Python or its libraries read once, at their start."""
FORK_SECONDS = 60.0
"""Seconds within which the server must fork."""


def is_same_forked(program: Sequence[str], environ: Mapping[str, str]) -> bool:
    """Return True if a fork runs the program as a new Python would."""
    if program[0].startswith("-") and program[0] != "-m":  # it has options
        return False
    begun = _server().environ
    names = environ.keys() | begun.keys()
    changed = [name for name in names if environ.get(name) != begun.get(name)]
    return not any(name.startswith(READ_AT_START) for name in changed)


class ForkedProcess:
    """A program that runs, with those methods of :class:`subprocess.Popen` that tests use."""

    def __init__(
        self, program: Sequence[str], folder: Path, environ: Mapping[str, str], stderr: int
    ) -> None:
        """Run the program; ``stderr`` is a file's number, or ``subprocess.STDOUT``."""
        reading, writing = os.pipe()
        errors = writing if stderr == subprocess.STDOUT else stderr
        self._reports, theirs = socket.socketpair()
        with theirs:
            files = resource.getrlimit(resource.RLIMIT_NOFILE)
            order = Order(list(program), str(folder), environ, files)
            order.send(_server().orders, [writing, errors, theirs.fileno()])
        os.close(writing)
        self.stdout: IO[str] = os.fdopen(reading)
        self._lines = self._reports.makefile()
        try:
            self.pid = self._report(FORK_SECONDS)
        except BaseException:
            self.stdout.close()
            self._close()
            raise
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Return the exit code, negative for a signal; ``None`` while it runs."""
        try:
            return self.wait(0)
        except subprocess.TimeoutExpired:
            return None

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit code. Raises :class:`subprocess.TimeoutExpired`."""
        if self.returncode is None:
            self.returncode = self._report(timeout)
            self._close()
        return self.returncode

    def _report(self, timeout: float | None) -> int:
        """Return the next number from the server. Raises :class:`subprocess.TimeoutExpired`."""
        if not select.select([self._reports], [], [], timeout)[0]:
            raise subprocess.TimeoutExpired("a forked program", timeout or 0.0)
        line = self._lines.readline()
        try:
            return int(line)
        except ValueError as error:
            raise RuntimeError(f"the server of forks reports {line!r}") from error

    def _close(self) -> None:
        self._lines.close()
        self._reports.close()

    def send_signal(self, number: int) -> None:
        """Send the signal, unless the program has ended."""
        if self.poll() is None:
            with suppress(ProcessLookupError):  # it may have ended since
                os.kill(self.pid, number)

    def kill(self) -> None:
        """End the program at once."""
        self.send_signal(signal.SIGKILL)


class Server(NamedTuple):
    """A process that forks."""

    orders: socket.socket
    environ: Mapping[str, str]
    """The environment in which it began."""


@cache
def _server() -> Server:
    """Return the one server of this process, which ends with it."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    environ = dict(os.environ)
    with theirs:
        words = [sys.executable, fork_server.__file__, str(theirs.fileno())]
        server = subprocess.Popen(words, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)

    def end() -> None:
        server.kill()
        server.wait()
        ours.close()

    atexit.register(end)
    return Server(ours, environ)
