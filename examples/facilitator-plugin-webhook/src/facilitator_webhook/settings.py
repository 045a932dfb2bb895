"""The plugin's settings."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from facilitator.plugin import is_loopback, setting

_SHORTEST_SECRET = 16


def _url(url: str) -> str | None:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "is not a URL"
    if not host or port == 0 or not url.isascii() or not url.isprintable() or " " in url:
        return "is not a URL"
    if parts.username is not None or parts.password is not None:
        return "must not have a user or a password"
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host)):
        return "must begin with https://; http:// is for this machine alone"
    return None


def _secret(secret: str) -> str | None:
    if len(secret) < _SHORTEST_SECRET:
        return f"must have at least {_SHORTEST_SECRET} characters"
    return None


@dataclass(frozen=True)
class WebhookSettings:
    """The table ``webhook``."""

    url: str = setting(
        "",
        "URL that gets the events, by https.",
        required="must be set: the URL that gets the events",
        check=_url,
    )
    secret: str = setting(
        "",
        "Secret that signs the events.",
        secret=True,
        required="must be set: the secret that signs the events",
        check=_secret,
    )
    timeout_seconds: float = setting(
        10.0, "Seconds to wait for the receiver.", minimum=0.1, maximum=60
    )
    retry_seconds: float = setting(
        1.0, "Seconds to the second attempt; each later one waits twice as long.", minimum=0.1
    )
    longest_retry_seconds: float = setting(
        3_600.0, "Greatest number of seconds between two attempts.", minimum=1
    )
    keep_hours: float = setting(
        72.0, "Hours after which an event is dropped that could not be delivered.", minimum=0.1
    )
    max_events: int = setting(
        10_000,
        "Events that are tried at the same time; further ones wait in the ledger.",
        minimum=1,
    )
