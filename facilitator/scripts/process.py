"""A process that runs scripts, as the facilitator sees it."""

import os
import pickle
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing import Pipe

from facilitator.pauses import pausing
from facilitator.scripts.question import Answer

START_SECONDS = 60.0
"""Seconds in which a process must be ready."""
WALL_FACTOR = 6.0
"""A verdict may take so many times its CPU seconds where other processes are busy."""
LEAST_WALL_SECONDS = 30.0
"""Any verdict may take so long there: the process has a low priority."""

_KEPT_VARIABLES = ("HOME", "LANG", "LD_LIBRARY_PATH", "PATH", "PYTHONHOME", "TZ")
"""The part of the environment that it gets: none of the settings, which may be secret."""


_SET_VARIABLES = {"PYCARDANO_NO_TYPE_CHECK": "true"}
"""The machine for scripts imports pycardano, whose checks of types would double its start."""


class ProcessEnded(Exception):
    """The process ended, or it was ended since it did not answer in time."""


class ScriptProcess:
    """A process that runs scripts; after an end the next question starts it again.

    For one thread at a time, except :meth:`close`.
    """

    def __init__(self) -> None:
        """Start nothing yet. The process may use the cores that this one may use now."""
        self._cores = allowed_cores()
        self._running: _Running | None = None

    def start(self) -> None:
        """Start the process, which then gets ready. Does nothing if it was started."""
        if self._running is None:
            self._running = _Running(self._cores)

    def ask(self, question: bytes, seconds: float) -> Answer:
        """Return the verdict on the encoded question, reached in so many CPU seconds at most.

        Raises :class:`ProcessEnded`.
        """
        try:
            running = self._running = self._running or _Running(self._cores)
            return running.ask(question, seconds)
        except (EOFError, OSError, RuntimeError, MemoryError) as error:
            self.close()
            raise ProcessEnded from error

    def close(self) -> None:
        """End the process at once."""
        running, self._running = self._running, None
        if running is not None:
            running.end()


class _Running:
    """A process that was started, and the line to it."""

    def __init__(self, cores: Sequence[int]) -> None:
        self._line, other = Pipe()
        self._is_ready = False
        with other:
            self._process = subprocess.Popen(  # noqa: S603 -- this program itself
                [
                    *(sys.executable, "-P", "-m", "facilitator.scripts.worker"),
                    *(str(other.fileno()), *map(str, cores)),
                ],
                pass_fds=[other.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=_environment(),
            )

    def ask(self, question: bytes, seconds: float) -> Answer:
        if not self._is_ready:
            self._receive(START_SECONDS)
            self._is_ready = True
        wall = max(LEAST_WALL_SECONDS, WALL_FACTOR * seconds)
        self._line.send_bytes(pickle.dumps((seconds, question)))
        answer: Answer = pickle.loads(self._receive(wall))  # noqa: S301 -- its child
        return answer

    def end(self) -> None:
        with suppress(OSError):
            self._line.close()
        self._process.kill()
        self._process.wait()

    def _receive(self, seconds: float) -> bytes:
        with pausing():
            is_there = self._line.poll(seconds)
        if not is_there:
            raise EOFError
        return self._line.recv_bytes()


def allowed_cores() -> Sequence[int]:
    """Return the numbers of the cores that this process may use; none where they are not known."""
    if not hasattr(os, "sched_getaffinity"):
        return ()
    return sorted(os.sched_getaffinity(0))


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    return {
        **kept,
        **_SET_VARIABLES,
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
    }
