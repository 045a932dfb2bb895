"""The thread that delivers events: of several processes one at a time."""

import logging
import threading
import time
from collections.abc import Callable

from facilitator.plugin import Counter, Meter, PaymentLedger
from facilitator_webhook.event import message_of
from facilitator_webhook.queue import Queue, Waiting
from facilitator_webhook.sending import Sender
from facilitator_webhook.settings import WebhookSettings
from facilitator_webhook.turn import Turn

POLL_SECONDS = 0.5
"""Interval of looks for new events, and for what is due."""
ATTEMPTS = Counter(
    "webhook_attempts_total",
    "Attempts to deliver an event: delivered, failed, or dropped after the last one.",
    labels=("outcome",),
)
CURSOR = "webhook"
_READ_AT_ONCE = 500
_HOUR_SECONDS = 3_600
_MOST_DOUBLINGS = 30

_log = logging.getLogger("facilitator.webhook")


class Courier:
    """Delivers the events of a ledger, in a thread of its own."""

    def __init__(
        self,
        ledger: PaymentLedger,
        settings: WebhookSettings,
        sender: Sender,
        meter: Meter,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin at once; ``clock`` returns seconds that only pass."""
        self._ledger = ledger
        self._settings = settings
        self._sender = sender
        self._meter = meter
        self._clock = clock
        self._turn = Turn(ledger, CURSOR, clock)
        self._queue: Queue | None = None
        """The events that are owed, while this process delivers."""
        self._wake = threading.Event()
        self._is_stopped = False
        self._thread = threading.Thread(target=self._run, name="webhook-courier", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Look for events now."""
        self._wake.set()

    def stop(self, seconds: float) -> None:
        """Deliver no more, and wait so long for an attempt under way."""
        self._is_stopped = True
        self._wake.set()
        self._thread.join(seconds)

    def _run(self) -> None:
        while not self._is_stopped:
            self._wake.clear()  # before the look: what comes after it wakes the thread again
            try:
                has_worked = self._work()
            except Exception as error:  # the thread must outlive an outage of the ledger
                has_worked = False
                _log.warning("webhook: the ledger cannot be used (%s)", type(error).__name__)
            if not has_worked:
                self._wake.wait(POLL_SECONDS)
        try:
            self._turn.give_up()
        except Exception as error:
            _log.warning("webhook: the ledger cannot be used (%s)", type(error).__name__)

    def _work(self) -> bool:
        """Make one attempt; return False if no event is due, or if another process delivers."""
        done = self._turn.take()
        if done is None:
            self._queue = None
            return False
        if self._queue is None:
            self._queue = Queue(done)
        queue = self._queue
        self._read(queue)
        waiting = queue.next(self._clock())
        if waiting is not None:
            self._attempt(queue, waiting)
        if queue.done > done:
            self._turn.move(queue.done)
        return waiting is not None

    def _read(self, queue: Queue) -> None:
        room = self._settings.max_events - len(queue)
        if room > 0:
            for event in self._ledger.events_after(queue.last, min(room, _READ_AT_ONCE)):
                queue.add(event, self._clock())

    def _attempt(self, queue: Queue, waiting: Waiting) -> None:
        payment = self._ledger.payment(waiting.event.transaction_id)
        if payment is None:  # it was old enough to be forgotten meanwhile
            queue.remove(waiting)
            return
        message = message_of(waiting.event, payment)
        failure = self._sender.send(message)
        if failure is None:
            queue.remove(waiting)
            self._meter.count(ATTEMPTS, outcome="delivered")
        elif self._clock() - waiting.since > self._settings.keep_hours * _HOUR_SECONDS:
            queue.remove(waiting)
            self._meter.count(ATTEMPTS, outcome="dropped")
            _log.error("webhook: event %s dropped, not delivered: %s", message.id, failure)
        else:
            if waiting.attempts == 0:
                _log.warning("webhook: event %s not delivered yet: %s", message.id, failure)
            self._meter.count(ATTEMPTS, outcome="failed")
            waiting.due = self._clock() + self._pause(waiting.attempts)
            waiting.attempts += 1

    def _pause(self, attempts: int) -> float:
        """Return the seconds to the next attempt."""
        doubled = self._settings.retry_seconds * 2.0 ** min(attempts, _MOST_DOUBLINGS)
        return float(min(doubled, self._settings.longest_retry_seconds))
