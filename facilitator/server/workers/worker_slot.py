"""The place of one worker: the process that has it, and when the next one is due."""

import os
import socket
import time
from contextlib import suppress
from dataclasses import dataclass

from facilitator.server.workers.control_channel import READY

STEADY_SECONDS = 60.0
"""A worker that lived for this long is replaced at once, others after a pause."""
FIRST_PAUSE_SECONDS = 0.5
MAX_PAUSE_SECONDS = 30.0


@dataclass
class Place:
    """The place of one worker, and the process that has it."""

    index: int
    pid: int = 0
    """The process; 0 when there is none."""
    line: socket.socket | None = None
    """The supervisor's end, until the worker's is closed."""
    said: bytes = b""
    started: float = 0.0
    due: float = 0.0
    """When the next process is to be started, if there is none."""
    served: bool = False
    """Whether any process in this place was ever ready."""
    asked: int = 0
    """How many times the process was asked to read the settings again."""
    short_lives: int = 0
    """How many processes in a row ended early."""

    @property
    def is_ready(self) -> bool:
        """Whether the process says so."""
        return self.said.startswith(READY)

    @property
    def has_read_again(self) -> bool:
        """Whether the process has done so as often as it was asked to, or has ended."""
        return not self.pid or not self.asked or len(self.said) > self.asked

    def begin(self) -> None:
        """A process is about to be started."""
        self.pid, self.line, self.said, self.asked = 0, None, b"", 0
        self.started = time.monotonic()

    def hear(self) -> None:
        """Take what the process has said."""
        if self.line is None:
            return
        with suppress(BlockingIOError):
            while data := self.line.recv(4096):
                self.said += data
            self.line.close()
            self.line = None

    def exit_code(self) -> int | None:
        """Return the exit code of the process if it has ended, negative for a signal; told once."""
        pid, status = os.waitpid(self.pid, os.WNOHANG) if self.pid else (0, 0)
        if not pid:
            return None
        self.pid = 0
        return os.waitstatus_to_exitcode(status)

    def pause(self) -> float:
        """Seconds until the next process is due, counted from now: more each time."""
        now = time.monotonic()
        lived_long = now - self.started >= STEADY_SECONDS
        self.short_lives = 0 if lived_long else self.short_lives + 1
        doublings = min(self.short_lives - 1, 10)
        pause = 0.0 if lived_long else min(MAX_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2.0**doublings)
        self.due = now + pause
        return pause
