"""A network's Koios by the settings: its address and its limits."""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from facilitator.plugin import ConfigInvalidError, Problem
from facilitator_koios.budget import REQUESTS_PER_SECOND
from facilitator_koios.settings import KoiosSettings, Tier

BODY_BYTES: Mapping[Tier, int] = {"public": 1024, "registered": 5120}
"""Bytes that the body of a question may have."""

_PUBLIC = {
    "mainnet": "https://api.koios.rest/api/v1",
    "preprod": "https://preprod.koios.rest/api/v1",
    "preview": "https://preview.koios.rest/api/v1",
}
_OFFICIAL = "koios.rest"


@dataclass(frozen=True)
class Endpoint:
    """The address and the limits of a network's Koios."""

    base_url: str
    tier: Tier | None
    """The tier whose limits are kept, if any."""

    @property
    def body_limit(self) -> int | None:
        """The bytes that the body of a question may have, if there is a limit."""
        return None if self.tier is None else BODY_BYTES[self.tier]


def find_endpoint(settings: KoiosSettings, network: str, served: Collection[str]) -> Endpoint:
    """Return the network's endpoint.

    Raises :class:`~facilitator.errors.ConfigInvalidError` when the settings do not fit the network.
    """
    name = network.removeprefix("cardano:")
    base_url = settings.base_url
    if base_url is not None and len(served) > 1 and "{network}" not in base_url:
        raise _problem("must have {network} in it, since several networks are served")
    if base_url is None and name not in _PUBLIC:
        raise _problem(f"is required for {name}, which koios.rest has not")
    url = (base_url or _PUBLIC[name]).replace("{network}", name).rstrip("/")
    host = urlsplit(url).hostname or ""
    is_official = host == _OFFICIAL or host.endswith(f".{_OFFICIAL}")
    if is_official and settings.token is not None and url.startswith("http:"):
        raise _problem("must begin with https, so that the token is safe")
    tier = settings.tier
    if tier is None and is_official:
        tier = "public" if settings.token is None else "registered"
    return Endpoint(url, tier)


def plan(tier: Tier | None, per_day: float) -> str | None:
    """Return the limits that are kept in words; ``None`` if there are none."""
    if tier is None and math.isinf(per_day):
        return None
    a_day = "" if math.isinf(per_day) else f", {per_day:,.0f} a day"
    return f"{tier or 'own'}, {REQUESTS_PER_SECOND:g} requests a second{a_day}"


def _problem(sentence: str) -> ConfigInvalidError:
    return ConfigInvalidError([Problem("koios.base_url", sentence)])
