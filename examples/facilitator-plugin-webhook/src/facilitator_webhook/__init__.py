"""Sends each change of a settlement to a URL, from the payment ledger.

Notices about payment channels are sent too. They wait in the seller's records.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from facilitator.plugin import Claim, Context, PluginError, hookimpl, iso_time
from facilitator_webhook.commands import prepare
from facilitator_webhook.courier import Courier
from facilitator_webhook.event import channel_message
from facilitator_webhook.sending import Sender
from facilitator_webhook.settings import WebhookSettings

STOP_SECONDS = 0.5
NOTICE_SECONDS = 4.0
"""Seconds to wait for the receiver of a notice: less than a hook may take."""


class Webhook:
    """The plugin. Events wait in the ledger, which has each change from when it is made on."""

    def __init__(self) -> None:
        """Start nothing yet."""
        self._courier: Courier | None = None
        self._context: Context | None = None

    @hookimpl
    def settings_sections(self) -> Mapping[str, type]:
        """Declare the table, which is checked at start."""
        return {"webhook": WebhookSettings}

    @hookimpl
    def cli_commands(self) -> Sequence[tuple[str, str, Any]]:
        """Add ``facilitator webhooks``."""
        return [("webhooks", "try the webhook, or send events again", prepare)]

    @hookimpl
    def startup(self, context: Context) -> None:
        """Go on where the last process stopped. Raises :class:`PluginError` without a ledger."""
        if context.reader.ledger is None:
            raise PluginError(
                "no payment ledger is kept, from which events are sent: enable a storage that keeps"
                " one, such as sqlite"
            )
        if context.is_trial:
            return
        settings = context.settings.section(WebhookSettings)
        sender = Sender(settings, context.clock.time)
        self._context = context
        self._courier = Courier(context.reader.ledger, settings, sender, context.meter)

    @hookimpl
    def settlement_changed(self, claim: Claim) -> None:  # noqa: ARG002
        """Look into the ledger at once."""
        if self._courier is not None:
            self._courier.wake()

    @hookimpl(optionalhook=True)
    def channels_watcher_notice(self, notice: Mapping[str, Any]) -> None:
        """Send the notice. Raises :class:`PluginError` if it does not arrive: it comes again."""
        if self._context is None:
            return
        settings = self._context.settings.section(WebhookSettings)
        shortened = replace(settings, timeout_seconds=min(settings.timeout_seconds, NOTICE_SECONDS))
        now = self._context.clock.time
        failure = Sender(shortened, now).send(channel_message(notice, iso_time(now())))
        if failure is not None:
            raise PluginError(f"webhook: the notice about a channel was not delivered: {failure}")

    @hookimpl
    def shutdown(self) -> None:
        """Stop. What was not delivered is delivered after the next start."""
        if self._courier is not None:
            self._courier.stop(STOP_SECONDS)


plugin = Webhook()
