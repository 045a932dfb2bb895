"""The worker's end of its line to the supervisor."""

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
"""What a worker says that is ready, and again when it has read the settings again; any other text
is the reason why it cannot start."""


class ControlChannel:
    """Tells the supervisor how the start went, and notices when it dies."""

    def __init__(self, end: socket.socket) -> None:
        """Take a socket whose other end only the supervisor has."""
        self._end = end

    def ready(self) -> None:
        """Say that a signal drains from now on, and that the settings read last are in force."""
        self._say(READY)

    def failed(self, error: FacilitatorError) -> None:
        """Say why it cannot start."""
        self._say(one_line(error).encode())

    def _say(self, what: bytes) -> None:
        with suppress(OSError):  # the supervisor has died, which the watch notices too
            self._end.sendall(what)

    def watch(self, seconds: float) -> None:
        """End this process, in so many seconds at most, when the supervisor dies."""
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
