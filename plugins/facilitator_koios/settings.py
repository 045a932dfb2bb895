"""The plugin's settings."""

import re
from dataclasses import dataclass
from typing import Literal

from facilitator.plugin import setting

Tier = Literal["public", "registered"]


def _http_url(url: str) -> str | None:
    if not re.fullmatch(r"https?://[^/\s?#@]+(/[^\s?#]*)?", url):
        return "must be a URL such as https://koios.example/api/v1, without user or query"
    return None


def _header_value(token: str) -> str | None:
    return None if re.fullmatch(r"[!-~]+", token) else "must consist of visible ASCII letters"


@dataclass(frozen=True)
class KoiosSettings:
    """The table ``koios``."""

    token: str | None = setting(
        None,
        "Bearer token of a registered account. None is needed for the public tier.",
        secret=True,
        check=_header_value,
    )
    base_url: str | None = setting(
        None,
        "Base URL of a Koios of your own, with its whole path; koios.rest when unset. With several"
        " networks, '{network}' in it stands for the network's name.",
        check=_http_url,
    )
    tier: Literal["public", "registered"] | None = setting(
        None,
        "The tier whose limits are kept. When unset, public on koios.rest, registered there with a"
        " token, and no limits elsewhere.",
    )
    requests_per_day: int | None = setting(
        None,
        "Requests that the account has a day, from midnight to midnight UTC, as its plan says."
        " No limit when unset.",
        minimum=100,
        maximum=1_000_000_000,
    )
    timeout_seconds: float = setting(
        10.0, "Seconds that an answer may take.", minimum=1, maximum=120
    )
    poll_seconds: float = setting(
        20.0,
        "Seconds between two questions for new blocks, while a settlement is open.",
        minimum=1,
        maximum=600,
    )
