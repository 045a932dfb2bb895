"""An observer that sends each change of a settlement to a URL."""

import logging
from collections.abc import Mapping

from facilitator.plugin import Claim, Clock, Context, Counter, Meter, hookimpl
from facilitator_webhook.courier import Courier
from facilitator_webhook.event import event_of
from facilitator_webhook.outbox import Outbox
from facilitator_webhook.settings import WebhookSettings

OVERFLOWS = Counter("webhook_overflows_total", "Events that found no room in the outbox.")
STOP_SECONDS = 0.5

_log = logging.getLogger("facilitator.webhook")


class Webhook:
    """The plugin. What it observes is in the outbox before its method returns."""

    def __init__(self) -> None:
        """Open nothing yet."""
        self._clock: Clock
        self._meter: Meter
        self._outbox: Outbox | None = None
        self._courier: Courier | None = None
        self._is_full = False

    @hookimpl
    def settings_sections(self) -> Mapping[str, type]:
        """Declare the table, which is checked at start."""
        return {"webhook": WebhookSettings}

    @hookimpl
    def startup(self, context: Context) -> None:
        """Open the outbox and go on with what it has. Each worker opens it by itself."""
        settings = context.settings.section(WebhookSettings)
        self._clock, self._meter = context.clock, context.meter
        self._outbox = Outbox(settings.path, settings.max_events)
        self._courier = Courier(self._outbox, settings, context.clock.time, context.meter)

    @hookimpl
    def settlement_changed(self, claim: Claim) -> None:
        """Put the change into the outbox. The receiver is not waited for."""
        if self._outbox is None or self._courier is None:
            return
        now = self._clock.time()
        is_full = not self._outbox.add(event_of(claim, now), now)
        if is_full:
            self._meter.count(OVERFLOWS)
            if not self._is_full:
                _log.error("webhook: the outbox is full, further events are dropped")
        self._is_full = is_full
        self._courier.wake()

    @hookimpl
    def shutdown(self) -> None:
        """Stop. What is in the outbox is sent after the next start."""
        if self._courier is None or self._outbox is None:
            return
        if self._courier.stop(STOP_SECONDS):
            self._outbox.close()


plugin = Webhook()
