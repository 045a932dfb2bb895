"""Checks of settings that must fit together."""

from collections.abc import Collection, Iterator, Mapping

from facilitator.errors import Problem, did_you_mean
from facilitator.x402.networks import NETWORKS, canonical_network

_PROVIDERS = "chain.providers"


def fallback_problems(fallback: Collection[str], plugins: Collection[str]) -> Iterator[Problem]:
    """Yield a problem for each standby that is not enabled."""
    for name in fallback:
        if name not in plugins:
            yield Problem("chain.fallback", _not_enabled(name, plugins))


def provider_problems(
    providers: Mapping[str, Collection[str]],
    networks: Collection[str],
    plugins: Collection[str],
    installed: Collection[str],
) -> Iterator[Problem]:
    """Yield a problem for each network that is unknown, and for each plugin that is not enabled.

    Layers add to the table and take nothing away. So a network that is not served in this
    environment may have plugins that are not enabled in it, if they are installed.
    """
    seen: dict[str, str] = {}
    for name, chosen in providers.items():
        network = canonical_network(name)
        if network is None:
            known = did_you_mean(name, NETWORKS) or f"; known are {', '.join(NETWORKS)}"
            yield Problem(_PROVIDERS, f"unknown network {name}{known}")
            continue
        if network in seen:
            yield Problem(_PROVIDERS, f"{seen[network]} and {name} are the same network")
        seen[network] = name
        for plugin in chosen:
            if plugin not in plugins and (network in networks or plugin not in installed):
                yield Problem(f"{_PROVIDERS}.{name}", _not_enabled(plugin, plugins))


def key_problems(
    api_keys: Mapping[str, object], operator_keys: Mapping[str, object]
) -> Iterator[Problem]:
    """Yield a problem for each name of an operator's key that is that of an API key as well."""
    for name in operator_keys:
        if name in api_keys:
            yield Problem(f"auth.operator_keys.{name}", "auth.api_keys has this name: take another")


def _not_enabled(name: str, plugins: Collection[str]) -> str:
    hint = did_you_mean(name, plugins) or f"; it has {', '.join(plugins) or 'none'}"
    return f"{name} is not in the setting plugins{hint}"
