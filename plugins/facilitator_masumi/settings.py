"""The plugin's settings, the table ``masumi``."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from facilitator.plugin import Refused, setting
from facilitator.x402.networks import NETWORKS, CardanoNetwork, canonical_network
from facilitator_masumi.deployment import Deployment
from facilitator_masumi.schema import read_deployment


def network_of(name: str) -> str | None:
    """Return the canonical id of a network of Cardano, with or without ``cardano:``, if known."""
    found = canonical_network(name) or canonical_network(f"cardano:{name}")
    return found if found and isinstance(NETWORKS[found], CardanoNetwork) else None


def parse_deployment(text: str) -> Deployment:
    """Return the deployment that the JSON of ``extra.deployment`` names.

    Raises :class:`ValueError` with a sentence.
    """
    try:
        value: Any = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise ValueError(f"has an entry that is no JSON: {text!r:.60}") from None
    try:
        return read_deployment(value)
    except Refused as refused:
        sentence = refused.message.removeprefix("extra.")
        raise ValueError(f"has an entry whose {sentence}") from None


def _deployments(by_network: Mapping[str, Sequence[str]]) -> str | None:
    for name, texts in by_network.items():
        if network_of(name) is None:
            return f"names {name}, which is no known network of Cardano"
        for text in texts:
            try:
                parse_deployment(text)
            except ValueError as error:
                return f"{error} (for {name})"
    return None


@dataclass(frozen=True)
class MasumiSettings:
    """The table ``masumi``."""

    deployments: Mapping[str, tuple[str, ...]] = setting(
        {},
        "Deployments allowed beside the canonical one: by network, the JSON of extra.deployment of"
        " each.",
        check=_deployments,
    )
    blueprint: str | None = setting(
        None,
        "File with the contract's blueprint, plutus.json; needed with masumi.deployments.",
    )
    registry_seconds: float = setting(
        60.0,
        "Seconds for which an answer of the registry of agents is used.",
        minimum=0,
        maximum=3600,
    )
