"""The settings as one frozen object, made from all layers."""

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, NoReturn, TypeVar

from facilitator.errors import ConfigInvalidError, Problem
from facilitator.settings.composition import fallback_problems, key_problems, provider_problems
from facilitator.settings.installed import installed_plugins
from facilitator.settings.layers import Layer, option_layers, read_layers
from facilitator.settings.network_tables import network_sections, register_networks
from facilitator.settings.plugin_files import plugin_files, plugin_name
from facilitator.settings.resolve import Effective, Resolver
from facilitator.settings.schema import fields_of
from facilitator.settings.secret_files import KEPT_QUOTES, is_wrapped_in_quotes
from facilitator.settings.sections import (
    CORE_SECTIONS,
    AuthSettings,
    ChainSettings,
    FacilitatorSettings,
    HookSettings,
    InspectSettings,
    LedgerSettings,
    LogSettings,
    RateLimitSettings,
    ReservationSettings,
    RootSettings,
    ScriptSettings,
    ServerSettings,
    SettlementSettings,
)
from facilitator.x402.networks import MAINNET, NETWORKS, CardanoNetwork, canonical_network

Section = TypeVar("Section")

MAINNET_NEEDS_CONSENT = "Mainnet connection requires explicit MAINNET=true environment variable"


@dataclass(frozen=True)
class Settings:
    """All settings in force, checked. Its representation holds no secret."""

    environment: str
    """``development``, ``preview``, ``preprod`` or ``production``."""
    plugins: tuple[str, ...]
    """Names of the enabled plugins, in call order."""
    networks: tuple[str, ...]
    """Canonical ids of the networks served."""
    server: ServerSettings
    """The table ``[server]``."""
    settlement: SettlementSettings
    """The table ``[settlement]``."""
    chain: ChainSettings
    """The table ``[chain]``."""
    reservation: ReservationSettings
    """The table ``[reservation]``."""
    rate_limit: RateLimitSettings
    """The table ``[rate_limit]``."""
    auth: AuthSettings
    """The table ``[auth]``."""
    log: LogSettings
    """The table ``[log]``."""
    facilitator: FacilitatorSettings
    """The table ``[facilitator]``."""
    hooks: HookSettings
    """The table ``[hooks]``."""
    inspect: InspectSettings
    """The table ``[inspect]``."""
    ledger: LedgerSettings
    """The table ``[ledger]``."""
    scripts: ScriptSettings
    """The table ``[scripts]``."""
    sections: tuple[Any, ...] = field(repr=False)
    """The objects of all tables, the core's and the plugins'."""
    effective: tuple[Effective, ...] = field(repr=False)
    """The value and the origin of every key."""
    files: tuple[Path, ...] = ()
    """The files that were read, lowest layer first."""

    def section(self, declaration: type[Section]) -> Section:
        """Return the table that ``declaration`` describes.

        Raises :class:`LookupError` when no enabled plugin contributed it.
        """
        for section in self.sections:
            if type(section) is declaration:
                return section
        raise LookupError(f"no enabled plugin declares the settings {declaration.__name__}")

    def providers_of(self, network: str) -> tuple[str, ...] | None:
        """Return the plugins that ``chain.providers`` names for the network (canonical id).

        ``None`` when it does not name the network.
        """
        return next(
            (
                plugins
                for name, plugins in self.chain.providers.items()
                if canonical_network(name) == network
            ),
            None,
        )

    def networks_for(self, plugin: str) -> tuple[str, ...]:
        """Return the served networks that the plugin may be asked for, by canonical id."""
        named = {network: self.providers_of(network) for network in self.networks}
        return tuple(
            each for each, plugins in named.items() if plugins is None or plugin in plugins
        )

    @property
    def max_waiting(self) -> int:
        """The settlements that may wait at once; three quarters of the threads if not set."""
        waiting = self.settlement.max_waiting
        return _share_that_may_wait(self.server.threads) if waiting is None else waiting

    def max_waiting_with(self, threads: int) -> int:
        """Return the same if only so many threads can run; never more than without the limit."""
        if threads >= self.server.threads:
            return self.max_waiting
        return min(self.max_waiting, _share_that_may_wait(threads))

    def secrets(self) -> tuple[str, ...]:
        """Return the values that must never be shown, for the log to mask."""
        values = (
            getattr(section, key.name)
            for section in self.sections
            for key in fields_of(type(section)).values()
            if key.secret
        )
        return tuple(text for value in values for text in _texts(value) if text)


@dataclass(frozen=True)
class SettingsSource:
    """The content of the layers, not yet checked against declarations."""

    environment: str
    files: tuple[Path, ...]
    layers: tuple[Layer, ...] = field(repr=False)
    mainnet_allowed: bool
    mainnet_is_quoted: bool = False
    folder: Path = field(default_factory=Path.cwd)
    """The folder of the settings file, or the working folder without one."""

    def plugins(self) -> tuple[str, ...]:
        """Return the names of the enabled plugins; empty when the setting is wrong."""
        return tuple(plugin_name(each) for each in self._plugins())

    def plugin_files(self) -> Mapping[str, Path]:
        """Return the files of the enabled plugins that are named by one."""
        return plugin_files(self._plugins(), self.folder)

    def _plugins(self) -> tuple[str, ...]:
        resolver = Resolver({"": RootSettings}, ())
        resolver.resolve(self.layers)
        return resolver.value("plugins") or ()

    def settings(self, sections: Mapping[str, type], unread: Collection[str] = ()) -> Settings:
        """Return the settings by the core's declarations and the plugins' ``sections``.

        Tables named in ``unread`` are accepted and left alone. Raises
        :class:`ConfigInvalidError` with every problem.
        """
        clashes = list(register_networks(self.layers))
        networks = network_sections(self.layers)
        resolver = Resolver({**CORE_SECTIONS, **networks, **sections}, unread)
        resolved = resolver.resolve(self.layers)
        if problems := [*clashes, *resolver.problems, *self._judge(resolver)]:
            raise ConfigInvalidError(problems)
        root: RootSettings = resolved.pop("")
        return Settings(
            environment=self.environment,
            plugins=tuple(plugin_name(each) for each in root.plugins),
            networks=_canonical(root.network),
            **{name: resolved[name] for name in CORE_SECTIONS if name},
            sections=tuple(each for name, each in resolved.items() if name not in networks),
            effective=tuple(resolver.effective),
            files=self.files,
        )

    def refuse(self, problem: Problem, unread: Collection[str]) -> NoReturn:
        """Raise :class:`ConfigInvalidError` with the problem after all others of the core."""
        clashes = list(register_networks(self.layers))
        resolver = Resolver({**CORE_SECTIONS, **network_sections(self.layers)}, unread)
        resolver.resolve(self.layers)
        raise ConfigInvalidError([*clashes, *resolver.problems, *self._judge(resolver), problem])

    def _judge(self, resolver: Resolver) -> list[Problem]:
        """Return the problems between keys whose values are right by themselves."""
        problems = []
        networks = _canonical(resolver.value("network") or ())
        problems += [
            Problem("network", f"{each} is no network of Cardano: nothing here can serve it")
            for each in networks
            if each in NETWORKS and not isinstance(NETWORKS[each], CardanoNetwork)
        ]
        if MAINNET.id in networks and not self.mainnet_allowed:
            quoted = f"; MAINNET {KEPT_QUOTES}" if self.mainnet_is_quoted else ""
            problems.append(Problem("network", MAINNET_NEEDS_CONSENT + quoted))
        waiting, threads = (
            resolver.value("settlement.max_waiting"),
            resolver.value("server.threads"),
        )
        if waiting is not None and threads is not None and waiting >= threads:
            sentence = f"must be less than server.threads, which is {threads}"
            problems.append(Problem("settlement.max_waiting", sentence))
        plugins = [plugin_name(each) for each in resolver.value("plugins") or ()]
        problems += fallback_problems(resolver.value("chain.fallback") or (), plugins)
        providers = resolver.entries("chain.providers")
        problems += provider_problems(providers, networks, plugins, installed_plugins())
        problems += key_problems(
            resolver.entries("auth.api_keys"), resolver.entries("auth.operator_keys")
        )
        return problems


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping | tuple):
        for each in value.values() if isinstance(value, Mapping) else value:
            yield from _texts(each)
    else:
        yield value


def _share_that_may_wait(threads: int) -> int:
    """Return how many of the threads may wait, so that the others answer what need not wait."""
    return threads * 3 // 4


def _canonical(networks: Sequence[str]) -> tuple[str, ...]:
    return tuple(canonical_network(name) or name for name in networks)


def read_settings(
    path: str | None = None,
    environ: Mapping[str, str] = os.environ,
    cwd: Path | None = None,
    options: Mapping[str, str] = MappingProxyType({}),
) -> SettingsSource:
    """Read all layers: the packaged defaults, the files, the environment variables, the options.

    Args:
        path: The settings file; else ``FACILITATOR_SETTINGS``, else ``settings.toml`` in ``cwd``.
        environ: The environment variables.
        cwd: The folder that paths are relative to; the working folder when not given.
        options: Values of a command's options by the name of the setting, such as ``server.port``.

    Raises:
        ConfigInvalidError: A file is missing, unreadable or misshapen, or the environment unknown.
    """
    cwd = cwd or Path.cwd()
    environment, files, layers = read_layers(path, environ, cwd)
    layers += option_layers(options)
    consent = environ.get("MAINNET")
    return SettingsSource(
        environment,
        files,
        tuple(layers),
        consent == "true",
        is_wrapped_in_quotes(consent),
        (cwd / (path or environ.get("FACILITATOR_SETTINGS") or "settings.toml")).parent,
    )


def load_settings(
    path: str | None = None,
    environ: Mapping[str, str] = os.environ,
    cwd: Path | None = None,
    sections: Mapping[str, type] | None = None,
) -> Settings:
    """Return the checked settings.

    Args:
        path: See :func:`read_settings`.
        environ: See :func:`read_settings`.
        cwd: See :func:`read_settings`.
        sections: The enabled plugins' tables; without it the tables of plugins are left unread.

    Raises:
        ConfigInvalidError: Names every problem.
    """
    source = read_settings(path, environ, cwd)
    if sections is None:
        return source.settings({}, {*installed_plugins(), *source.plugins()})
    return source.settings(sections, installed_plugins() - set(source.plugins()))
