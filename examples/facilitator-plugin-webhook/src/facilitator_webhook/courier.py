"""The thread that delivers events: of several processes one at a time."""

import fcntl
import logging
import os
import threading
from collections.abc import Callable

from facilitator.plugin import Counter, Meter
from facilitator_webhook.outbox import Outbox, Waiting
from facilitator_webhook.sending import Sender
from facilitator_webhook.settings import WebhookSettings

POLL_SECONDS = 0.5
"""Interval of looks for what is due, and for what other processes have put into the outbox."""
ATTEMPTS = Counter(
    "webhook_attempts_total",
    "Attempts to deliver an event: delivered, failed, or dropped after the last one.",
    labels=("outcome",),
)
_HOUR_SECONDS = 3_600
_MOST_DOUBLINGS = 30

_log = logging.getLogger("facilitator.webhook")


class _Turn:
    """The right to deliver: a lock on a file, which the system takes back from a dead process."""

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
        self._is_mine = False

    def take(self) -> bool:
        """Return True if this process delivers."""
        if not self._is_mine:
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            self._is_mine = True
        return True

    def close(self) -> None:
        """Let another process deliver."""
        os.close(self._file)


class Courier:
    """Delivers the events of an outbox, in a thread of its own."""

    def __init__(
        self,
        outbox: Outbox,
        settings: WebhookSettings,
        now: Callable[[], float],
        meter: Meter,
    ) -> None:
        """Begin at once."""
        self._outbox = outbox
        self._settings = settings
        self._now = now
        self._meter = meter
        self._sender = Sender(settings, now)
        self._turn = _Turn(f"{settings.path}-lock")
        self._wake = threading.Event()
        self._is_stopped = False
        self._thread = threading.Thread(target=self._run, name="webhook-courier", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Look for events now."""
        self._wake.set()

    def stop(self, seconds: float) -> bool:
        """Deliver no more; return False if an attempt lasts longer, which may then succeed."""
        self._is_stopped = True
        self._wake.set()
        self._thread.join(seconds)
        if self._thread.is_alive():
            return False
        self._turn.close()
        return True

    def _run(self) -> None:
        while True:
            self._wake.clear()  # before the look: what comes after it wakes the thread again
            if self._is_stopped:
                return
            try:
                has_worked = self._turn.take() and self._deliver_first()
            except Exception as error:  # the thread must outlive a full disk
                has_worked = False
                _log.warning("webhook: the outbox cannot be used (%s)", type(error).__name__)
            if not has_worked:
                self._wake.wait(POLL_SECONDS)

    def _deliver_first(self) -> bool:
        """Make one attempt; return False if no event is due."""
        event = self._outbox.first(self._now())
        if event is None:
            return False
        failure = self._sender.send(event)
        if failure is None:
            self._outbox.remove(event.number)
            self._meter.count(ATTEMPTS, outcome="delivered")
        else:
            self._postpone(event, failure)
        return True

    def _postpone(self, event: Waiting, failure: str) -> None:
        now = self._now()
        if now - event.created > self._settings.keep_hours * _HOUR_SECONDS:
            self._outbox.remove(event.number)
            self._meter.count(ATTEMPTS, outcome="dropped")
            _log.error("webhook: event %s dropped, not delivered: %s", event.id, failure)
            return
        self._outbox.postpone(event.number, now + self._pause(event.attempts))
        self._meter.count(ATTEMPTS, outcome="failed")
        if event.attempts == 0:
            _log.warning("webhook: event %s not delivered yet: %s", event.id, failure)

    def _pause(self, attempts: int) -> float:
        """Return the seconds to the next attempt."""
        doubled = self._settings.retry_seconds * 2.0 ** min(attempts, _MOST_DOUBLINGS)
        return float(min(doubled, self._settings.longest_retry_seconds))
