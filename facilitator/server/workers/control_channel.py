"""The worker's end of its control channel to the supervisor."""

import logging
import os
import signal
import socket
import threading
import time
from contextlib import suppress

from facilitator.errors import FacilitatorError, one_line

logger = logging.getLogger("facilitator.workers")

READY = b"\0"
"""The message of a worker that is ready, sent again for each time it has read the settings again.

Any other text is the reason why the worker cannot start."""
PARTLY = b"\1"
"""Sent in place of :data:`READY` if they are not in force in every part of the worker."""


class ControlChannel:
    """A channel on which a worker reports its start, and notices the supervisor's death."""

    def __init__(self, end: socket.socket) -> None:
        """Take a socket whose other end only the supervisor holds."""
        self._end = end

    def report_ready(self, *, in_full: bool = True) -> None:
        """Report that a signal drains from now on, and that the settings last read are in force.

        ``in_full`` is False if they are not in every part.
        """
        self._send(READY if in_full else PARTLY)

    def report_failed(self, error: FacilitatorError) -> None:
        """Report why the worker cannot start."""
        self._send(one_line(error).encode())

    def _send(self, message: bytes) -> None:
        with suppress(OSError):  # the supervisor has died, which the watch notices too
            self._end.sendall(message)

    def watch(self, seconds: float) -> None:
        """Start a thread that ends this process, so many seconds at most after the supervisor."""
        threading.Thread(
            target=self._outlive, args=(seconds,), name="supervisor-watch", daemon=True
        ).start()

    def _outlive(self, seconds: float) -> None:
        with suppress(OSError):
            self._end.recv(1)
        logger.error("the supervisor has died: stopping")
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(seconds)
        os._exit(1)
