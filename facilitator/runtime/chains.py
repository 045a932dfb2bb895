"""The chain provider of each network, from settings and plugins."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack

from facilitator.chain.failover.failover_chain import build_failover_chain
from facilitator.chain.failover.provider_order import (
    Named,
    order_as_named,
    split_primary_and_standbys,
)
from facilitator.errors import PluginError
from facilitator.plugin.context import Context
from facilitator.plugin.manager import Plugins
from facilitator.roles.chain import ChainProvider, ListsOutputs
from facilitator.roles.wallet import FundedChain
from facilitator.settings import Settings

_REMEDY = ", name the others in chain.fallback, or choose by chain.providers"


def ordered_chain_providers(plugins: Plugins, context: Context, network: str) -> list[Named]:
    """Return the network's provider, then its standbys.

    They are those that ``chain.providers`` names for it, in that order; no other plugin is asked.
    Of a network that it does not name, exactly one enabled plugin must provide it, besides those in
    ``chain.fallback``. Raises :class:`PluginError` when that is not so, and when they don't go
    together.
    """
    if named := context.settings.providers_of(network):
        return order_as_named(network, plugins.chain_providers(context, network, only=named), named)
    provided = plugins.chain_providers(context, network)
    first, standbys = split_primary_and_standbys(network, provided, context.settings.chain.fallback)
    plugins.require_one(first, f"the network {network}", _REMEDY)
    return [*first, *standbys]


def open_chain_providers(
    plugins: Plugins, context: Context, network: str, stack: ExitStack
) -> list[Named]:
    """Return the same, each of which the ``stack`` closes. Raises :class:`PluginError`."""
    providers = ordered_chain_providers(plugins, context, network)
    for _, provider in providers:
        stack.callback(provider.close)
    return providers


def one_chain_provider(plugins: Plugins, context: Context, network: str) -> ChainProvider:
    """Return the network's provider, with failover to its standbys. Raises :class:`PluginError`."""
    providers = ordered_chain_providers(plugins, context, network)
    return providers[0][1] if len(providers) == 1 else build_failover_chain(providers)


def wallet_chain(providers: Sequence[Named]) -> FundedChain:
    """Return the providers as one, with failover, for who spends from a wallet.

    Raises :class:`PluginError` if none of them can say what an address holds.
    """
    chain = as_one(providers)
    if isinstance(chain, ListsOutputs):
        return chain
    names = " and ".join(name for name, _ in providers)
    raise PluginError(
        f"the plugin {names} cannot say what an address holds; take another chain provider"
    )


def check_standbys(settings: Settings, ordered: Mapping[str, Sequence[Named]]) -> None:
    """Raise :class:`PluginError` when a plugin in ``chain.fallback`` provides none of the networks.

    ``ordered`` has each network's providers by its canonical id.
    """
    if settings.chain.fallback and all(map(settings.providers_of, settings.networks)):
        raise PluginError(
            "chain.providers names the plugins of every network served: leave out chain.fallback"
        )
    used = {name for providers in ordered.values() for name, _ in providers}
    for name in settings.chain.fallback:
        if name not in used:
            raise PluginError(
                f"plugin '{name}' provides none of the networks {', '.join(settings.networks)}: "
                "take it out of chain.fallback"
            )


def chains_by_network(plugins: Plugins, context: Context) -> dict[str, ChainProvider]:
    """Return one provider for each network, by canonical id; it includes the standbys.

    Raises :class:`PluginError` when they don't go together.
    """
    settings = context.settings
    ordered = {each: ordered_chain_providers(plugins, context, each) for each in settings.networks}
    check_standbys(settings, ordered)
    return {network: as_one(providers) for network, providers in ordered.items()}


def as_one(providers: Sequence[Named]) -> ChainProvider:
    """Return the providers behind circuit breakers; a devnet alone needs none, as it is local."""
    if len(providers) == 1 and providers[0][1].is_devnet:
        return providers[0][1]
    return build_failover_chain(providers)
