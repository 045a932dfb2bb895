"""The plugin's settings."""

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass

from facilitator.plugin import setting


def _networks(networks: Sequence[str]) -> str | None:
    for network in networks:
        try:
            ipaddress.ip_network(network)
        except ValueError as error:
            why = ": it has host bits set" if "host bits" in str(error) else ""
            return f"{network} is not an IP address or network such as 10.0.0.0/8{why}"
    return None


def _token(token: str) -> str | None:
    return None if re.fullmatch(r"[!-~]+", token) else "must consist of visible ASCII characters"


@dataclass(frozen=True)
class PrometheusSettings:
    """The table ``prometheus``."""

    allow: tuple[str, ...] = setting(
        (), "IP networks that may read /metrics, besides this machine.", check=_networks
    )
    token: str | None = setting(
        None,
        "Callers that show it (Authorization: Bearer) may read /metrics from anywhere.",
        secret=True,
        check=_token,
    )
