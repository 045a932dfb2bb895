"""One attempt to deliver a message, over HTTP."""

import http.client
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from facilitator.plugin import is_loopback
from facilitator_webhook.event import ID_HEADER, SIGNATURE_HEADER, Message, sign
from facilitator_webhook.settings import WebhookSettings

_FIRST_GOOD, _FIRST_BAD = 200, 300


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect is a failure: it would turn the POST into a GET, at another place."""

    def redirect_request(self, *_: Any) -> None:
        """Follow none."""


class Sender:
    """Posts messages to the URL of the settings."""

    def __init__(self, settings: WebhookSettings, now: Callable[[], float]) -> None:
        """Go through the proxy that the environment names, but not to this machine."""
        self._settings = settings
        self._now = now
        is_near = is_loopback(urlsplit(settings.url).hostname or "")
        proxies = [urllib.request.ProxyHandler({})] if is_near else []
        self._opener = urllib.request.build_opener(_NoRedirects, *proxies)

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
        request = urllib.request.Request(  # noqa: S310 -- the setting's check allows http(s) alone
            self._settings.url, message.body, headers, method="POST"
        )
        try:
            with self._opener.open(request, timeout=self._settings.timeout_seconds) as answer:
                status = answer.status
        except urllib.error.HTTPError as error:
            error.close()
            status = error.code
        except urllib.error.URLError as error:
            return type(error.reason).__name__
        except (OSError, http.client.HTTPException, ValueError) as error:
            return type(error).__name__
        return None if _FIRST_GOOD <= status < _FIRST_BAD else f"status {status}"
