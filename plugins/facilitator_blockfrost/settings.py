"""The plugin's settings for its two tables."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from facilitator.plugin import setting
from facilitator.x402.networks import NETWORKS, canonical_network

Tier = Literal["free", "hobby", "developer", "enterprise"]


def _http_url(url: str) -> str | None:
    if not re.fullmatch(r"https?://[^/\s?#@]+(/[^\s?#]*)?", url):
        return "must be a URL such as https://blockfrost.example/api/v0, without user or query"
    return None


def _ids_by_network(project_ids: Mapping[str, str]) -> str | None:
    unknown = [name for name in project_ids if canonical_network(f"cardano:{name}") is None]
    if unknown:
        names = [name.removeprefix("cardano:") for name in NETWORKS if name.startswith("cardano:")]
        return f"{unknown[0]} is not a network; write {', '.join(names[:-1])} or {names[-1]}"
    for project_id in project_ids.values():
        if complaint := _header_value(project_id):
            return complaint
    return None


def _header_value(project_id: str) -> str | None:
    return None if re.fullmatch(r"[!-~]+", project_id) else "must consist of visible ASCII letters"


@dataclass(frozen=True)
class BlockfrostSettings:
    """The table ``blockfrost``."""

    project_id: str | None = setting(
        None,
        "Project ID of the network that its first letters name. Needed for blockfrost.io.",
        secret=True,
        check=_header_value,
    )
    project_ids: Mapping[str, str] = setting(
        {},
        "Project IDs by network (mainnet, preprod, preview or another one), to serve several.",
        secret=True,
        check=_ids_by_network,
    )
    base_url: str | None = setting(
        None,
        "Base URL of a Blockfrost of your own; blockfrost.io when unset. With several networks,"
        " '{network}' in it stands for the network's name.",
        check=_http_url,
    )
    tier: Literal["free", "hobby", "developer", "enterprise"] | None = setting(
        None,
        "The account's plan, whose limits are kept. When unset, free on blockfrost.io, and no"
        " limits elsewhere.",
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


@dataclass(frozen=True)
class BlockfrostBackupSettings(BlockfrostSettings):
    """The table ``blockfrost_backup``."""
