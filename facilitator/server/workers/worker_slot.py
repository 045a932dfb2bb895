"""The slot of one worker: its current process, and the time to start the next one."""

import os
import socket
import time
from contextlib import suppress
from dataclasses import dataclass

from facilitator.server.workers.control_channel import PARTLY, READY

STEADY_SECONDS = 60.0
"""Lifetime after which an ended worker is replaced at once; others are replaced after a pause."""
FIRST_PAUSE_SECONDS = 0.5
MAX_PAUSE_SECONDS = 30.0


@dataclass
class WorkerSlot:
    """The slot of one worker, and the process that fills it."""

    index: int
    pid: int = 0
    """The process; 0 when there is none."""
    control: socket.socket | None = None
    """The supervisor's end of the control channel, until the worker's end is closed."""
    received: bytes = b""
    """The messages of the process."""
    started_at: float = 0.0
    due_at: float = 0.0
    """The time to start the next process, if there is none."""
    was_ready: bool = False
    """True once any process in this slot was ready."""
    reloads: int = 0
    """The number of times that the process was asked to read the settings again."""
    short_lives: int = 0
    """The number of processes in a row that ended early."""

    @property
    def is_ready(self) -> bool:
        """True if the process has reported that it is ready."""
        return self.received.startswith((READY, PARTLY))

    @property
    def has_reloaded(self) -> bool:
        """True if the process has read the settings as often as it was asked to, or has ended."""
        return not self.pid or not self.reloads or len(self.received) > self.reloads

    @property
    def is_partial(self) -> bool:
        """True if the settings that the process read again are not in force in every part."""
        return bool(self.pid) and self.received.endswith(PARTLY)

    def reset(self) -> None:
        """Prepare for a new process."""
        self.pid, self.control, self.received, self.reloads = 0, None, b"", 0
        self.started_at = time.monotonic()

    def receive(self) -> None:
        """Read the messages that the process has sent."""
        if self.control is None:
            return
        with suppress(BlockingIOError):
            while data := self.control.recv(4096):
                self.received += data
            self.control.close()
            self.control = None

    def take_exit_code(self) -> int | None:
        """Return the exit code once after the process has ended, negative for a signal."""
        pid, status = os.waitpid(self.pid, os.WNOHANG) if self.pid else (0, 0)
        if not pid:
            return None
        self.pid = 0
        return os.waitstatus_to_exitcode(status)

    def schedule_next(self) -> float:
        """Set when the next process is due; return the seconds until then, more each time."""
        now = time.monotonic()
        lived_long = now - self.started_at >= STEADY_SECONDS
        self.short_lives = 0 if lived_long else self.short_lives + 1
        doublings = min(self.short_lives - 1, 10)
        pause = 0.0 if lived_long else min(MAX_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2.0**doublings)
        self.due_at = now + pause
        return pause
