"""Which plugin's provider is asked first for a network, and which stand by for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

from facilitator.chain.fallback import with_fallback
from facilitator.errors import PluginError
from facilitator.roles.chain import ChainProvider

if TYPE_CHECKING:
    from facilitator.context import Context
    from facilitator.plugins import Plugins
    from facilitator.settings import Settings

Named: TypeAlias = "tuple[str, ChainProvider]"
"""A provider with the name of its plugin."""


def divided(
    network: str, provided: Sequence[Named], fallback: Sequence[str]
) -> tuple[list[Named], list[Named]]:
    """Those that are asked first, and those that stand by in the order of ``fallback``.

    Raises :class:`PluginError` when there are only standbys, and when one is to stand in for a test
    double of the network, or the other way round.
    """
    first = [(name, chain) for name, chain in provided if name not in fallback]
    standbys = [(name, chain) for name, chain in provided if name in fallback]
    if standbys and not first:
        raise PluginError(
            f"chain.fallback names every plugin that provides the network {network}: "
            "leave out the one to be asked first"
        )
    for name, chain in standbys:
        if chain.is_devnet != first[0][1].is_devnet:
            raise PluginError(
                f"plugins '{first[0][0]}' and '{name}' cannot stand in for each other: "
                f"one provides the network {network}, one a test double of it"
            )
    return first, sorted(standbys, key=lambda standby: fallback.index(standby[0]))


def check_standbys(settings: Settings, ordered: Mapping[str, Sequence[Named]]) -> None:
    """Raise :class:`PluginError` when a plugin in ``chain.fallback`` provides none of the networks.

    ``ordered`` has each network's providers by its canonical id.
    """
    used = {name for providers in ordered.values() for name, _ in providers}
    for name in settings.chain.fallback:
        if name not in used:
            raise PluginError(
                f"plugin '{name}' provides none of the networks {', '.join(settings.networks)}: "
                "take it out of chain.fallback"
            )


def chains_by_network(plugins: Plugins, context: Context) -> dict[str, ChainProvider]:
    """Every network's providers as one, by canonical id.

    Raises :class:`PluginError` when they don't go together.
    """
    settings = context.settings
    ordered = {each: plugins.ordered_chain_providers(context, each) for each in settings.networks}
    check_standbys(settings, ordered)
    return {network: _as_one(providers) for network, providers in ordered.items()}


def _as_one(providers: Sequence[Named]) -> ChainProvider:
    """With circuit breakers, save for a devnet by itself: there is nothing remote to be spared."""
    if len(providers) == 1 and providers[0][1].is_devnet:
        return providers[0][1]
    return with_fallback(providers)
