"""The log of changes between a server that works and one that does not."""

import logging
import threading
import time
from collections.abc import Callable

from facilitator.roles.circuit import Complaint

SILENT_SECONDS = 60.0
"""Time after a log line in which the same complaint is not logged again."""


class ChangeLog:
    """Log lines for the operator: one when calls begin to fail, one when they work again.

    Before the first call that works there is none: the start itself says why it fails.
    """

    def __init__(
        self, log: logging.Logger, place: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Start with calls that work; ``place`` names the server, ``clock`` returns seconds."""
        self._log = log
        self._place = place
        self._clock = clock
        self._lock = threading.Lock()
        self._complaint: str | None = None
        """The last failure since calls have worked; ``None`` while they do."""
        self._has_worked = False
        self._is_logged = False
        self._silent_until: dict[str, float] = {}

    def fails(self, complaint: Complaint) -> None:
        """Log the complaint, unless it is the last one or was logged a moment ago."""
        text, now = complaint.detail, self._clock()
        with self._lock:
            if not self._has_worked or text == self._complaint:
                return
            self._complaint = text
            if now < self._silent_until.get(text, now):
                return
            self._is_logged = True
            self._silent_until = {
                each: until for each, until in self._silent_until.items() if until > now
            }
            self._silent_until[text] = now + SILENT_SECONDS
        self._log.error("%s", text)

    def works(self) -> None:
        """Log that changes are taken again, if a failure since they were was logged."""
        if self._complaint is None and self._has_worked:  # spares successful calls the lock
            return
        with self._lock:
            self._has_worked = True
            was_logged, self._is_logged, self._complaint = self._is_logged, False, None
        if was_logged:
            self._log.info("%s takes changes again", self._place)
