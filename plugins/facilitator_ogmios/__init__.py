"""A Cardano node of one's own, by Ogmios."""

from collections.abc import Collection, Mapping

from facilitator.plugin import (
    ChainProvider,
    ConfigInvalidError,
    Context,
    Problem,
    RequestMetrics,
    hookimpl,
)
from facilitator_ogmios.chain_sync import ChainSync
from facilitator_ogmios.client import Client
from facilitator_ogmios.connection import Target
from facilitator_ogmios.points import PointFile
from facilitator_ogmios.provider import Ogmios
from facilitator_ogmios.settings import OgmiosSettings


@hookimpl
def settings_sections() -> Mapping[str, type]:
    """Return the table ``ogmios``."""
    return {"ogmios": OgmiosSettings}


@hookimpl
def chain_provider(context: Context, network: str) -> ChainProvider:
    """Return the network's provider.

    Raises :class:`~facilitator.errors.ConfigInvalidError` when the settings don't fit the network.
    """
    settings = context.settings.section(OgmiosSettings)
    served = context.settings.networks_for("ogmios")
    target = Target(
        _of_network("url", settings.url, network, served).rstrip("/"),
        _headers(settings.header),
        settings.max_message_bytes,
    )
    path = settings.path and _of_network("path", settings.path, network, served)
    client = Client(
        target,
        timeout=settings.timeout_seconds,
        submit_timeout=settings.submit_seconds,
        metrics=RequestMetrics(context.meter, "ogmios", network),
    )
    sync = ChainSync(
        target, PointFile(path), blocks=settings.blocks, timeout=settings.timeout_seconds
    )
    return Ogmios(network, client, sync, context.clock, silence_seconds=settings.silence_seconds)


def _of_network(key: str, text: str, network: str, served: Collection[str]) -> str:
    """Return the text with the network's name in place of ``{network}``."""
    if len(served) > 1 and "{network}" not in text:
        sentence = "must have {network} in it, since several networks are served"
        raise ConfigInvalidError([Problem(f"ogmios.{key}", sentence)])
    return text.replace("{network}", network.removeprefix("cardano:"))


def _headers(header: str | None) -> Mapping[str, str]:
    name, _, value = (header or "").partition(":")
    return {name: value.strip()} if name else {}
