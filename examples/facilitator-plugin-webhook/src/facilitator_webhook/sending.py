"""One attempt to deliver a message, over HTTP."""

from collections.abc import Callable
from urllib.error import URLError
from urllib.parse import urlsplit

from facilitator.plugin import HttpBounds, TimedHttp, is_loopback
from facilitator_webhook.event import ID_HEADER, SIGNATURE_HEADER, Message, sign
from facilitator_webhook.settings import WebhookSettings

_FIRST_GOOD, _FIRST_BAD = 200, 300


class Sender:
    """Posts messages to the URL of the settings. A redirect is a failure."""

    def __init__(self, settings: WebhookSettings, now: Callable[[], float]) -> None:
        """Go through the proxy that the environment names, but not to this machine."""
        self._settings = settings
        self._now = now
        self._http = TimedHttp(uses_proxy=not is_loopback(urlsplit(settings.url).hostname or ""))
        self._bounds = HttpBounds(settings.timeout_seconds, 0)

    def send(self, message: Message) -> str | None:
        """Post the message; return why the receiver does not have it, or ``None`` if it does.

        The reason names no part of the URL: it goes into the log.
        """
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "facilitator-plugin-webhook",
            ID_HEADER: message.id,
            SIGNATURE_HEADER: sign(self._settings.secret, message.body, int(self._now())),
        }
        url = self._settings.url
        try:
            status = self._http.ask(url, self._bounds, body=message.body, headers=headers).status
        except URLError as error:
            return type(error.reason).__name__
        except (OSError, ValueError) as error:
            return type(error).__name__
        return None if _FIRST_GOOD <= status < _FIRST_BAD else f"status {status}"
