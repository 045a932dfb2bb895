"""The order of a network's providers: the one that is asked first, and its standbys."""

from collections.abc import Sequence
from typing import TypeAlias

from facilitator.errors import PluginError
from facilitator.roles.chain import ChainProvider

Named: TypeAlias = tuple[str, ChainProvider]
"""A provider with the name of its plugin."""


def split_primary_and_standbys(
    network: str, provided: Sequence[Named], fallback: Sequence[str]
) -> tuple[list[Named], list[Named]]:
    """Return the providers that are asked first, and the standbys in the order of ``fallback``.

    Raises :class:`PluginError` if there are only standbys, or if a provider of the network and a
    test double of it would stand in for each other.
    """
    first = [(name, chain) for name, chain in provided if name not in fallback]
    standbys = [(name, chain) for name, chain in provided if name in fallback]
    if standbys and not first:
        raise PluginError(
            f"chain.fallback names every plugin that provides the network {network}: "
            "leave out the one to be asked first"
        )
    _check_alike(network, [*first[:1], *standbys])
    return first, sorted(standbys, key=lambda standby: fallback.index(standby[0]))


def order_as_named(network: str, provided: Sequence[Named], plugins: Sequence[str]) -> list[Named]:
    """Return the providers in the order of ``plugins``, each of which must have one.

    Raises :class:`PluginError` if one has none, and if a provider of the network and a test double
    of it would stand in for each other.
    """
    by_name = dict(provided)
    for name in plugins:
        if name not in by_name:
            raise PluginError(
                f"plugin '{name}' does not provide the network {network}: "
                "take it out of chain.providers, or set the plugin up for the network"
            )
    ordered = [(name, by_name[name]) for name in plugins]
    _check_alike(network, ordered)
    return ordered


def _check_alike(network: str, providers: Sequence[Named]) -> None:
    for name, chain in providers[1:]:
        if chain.is_devnet != providers[0][1].is_devnet:
            raise PluginError(
                f"plugins '{providers[0][0]}' and '{name}' cannot stand in for each other: "
                f"one provides the network {network}, one a test double of it"
            )
