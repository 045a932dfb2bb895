"""Discovery of plugins, which are imported and checked.

Each is an entry point of the group ``facilitator.plugins``, or a file for development.

Only the named plugins are imported; :func:`available_plugins` alone imports all of them.
"""

import inspect
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import Distribution, EntryPoint, entry_points
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pluggy

from facilitator.errors import PluginError, did_you_mean, ends_process, one_line
from facilitator.plugin import hookspecs
from facilitator.plugin.api_version import check_api, declared_api
from facilitator.plugin.plugin_file import PluginFile
from facilitator.plugin.unmarked import warnings_of

GROUP = "facilitator.plugins"
ROLES: Mapping[str, str] = {
    "networks": "networks",
    "chain_provider": "chain provider",
    "storage": "storage",
    "meter": "meter",
    "rate_limiter": "rate limiter",
    "error_reporter": "error reporter",
    "transfer_methods": "transfer methods",
    "schemes": "schemes",
    "routes": "routes",
    "health_checks": "health checks",
    "wallets": "wallets",
    "cli_commands": "commands",
    "authenticate": "gate",
    "before_verify": "gate",
    "before_settle": "gate",
    "verify_extensions": "responder",
    "settle_extensions": "responder",
    "after_verify": "observer",
    "after_settle": "observer",
    "settlement_changed": "observer",
    "request_started": "observer",
    "request_completed": "observer",
    "request_failed": "observer",
}
"""Hook name to the role of a plugin that implements it."""


@dataclass(frozen=True)
class PluginInfo:
    """An installed plugin, as the command ``facilitator plugins`` lists it."""

    name: str
    distribution: str
    version: str
    enabled: bool
    roles: tuple[str, ...] = ()
    problem: str | None = None
    """The reason why it cannot be used; ``None`` when it can."""
    api: str | None = None
    """The version of the plugin API that it was written for, if it says so."""
    warnings: tuple[str, ...] = ()
    """Sentences on what it probably means as a hook, though that is none."""


def register_plugins(
    names: Sequence[str], files: Mapping[str, Path] = MappingProxyType({})
) -> pluggy.PluginManager:
    """Import the named plugins, some from files, and check their hooks.

    Raises :class:`PluginError` when one is unknown, ambiguous, cannot be imported or does not
    fit the hooks of :mod:`facilitator.plugin.hookspecs`.
    """
    manager = _new_manager()
    entries = {name: _entry(name, files) for name in names}
    for name, entry in entries.items():
        _register(manager, name, entry)
    return manager


def available_plugins(
    enabled: Collection[str], files: Mapping[str, Path] = MappingProxyType({})
) -> list[PluginInfo]:
    """Return all installed plugins by name, and every enabled one that is not installed."""
    names = sorted({*entry_points(group=GROUP).names, *enabled})
    return [_info(name, files, enabled=name in enabled) for name in names]


def _new_manager() -> pluggy.PluginManager:
    manager = pluggy.PluginManager("facilitator")
    manager.add_hookspecs(hookspecs)
    return manager


def _entry(name: str, files: Mapping[str, Path]) -> EntryPoint | PluginFile:
    file = files.get(name)
    if file is None:
        return _entry_point(name)
    if name in entry_points(group=GROUP).names:
        raise PluginError(f"plugin '{name}' is installed, too: give the file {file} another name")
    return PluginFile(name, file)


def _entry_point(name: str) -> EntryPoint:
    installed = entry_points(group=GROUP)
    found = list(installed.select(name=name))
    if not found:
        known = sorted(installed.names)
        hint = did_you_mean(name, known)
        lead = f"{hint} Installed are" if hint else "; installed are"
        raise PluginError(f"unknown plugin '{name}'{lead} {', '.join(known) or 'none'}")
    if len(found) > 1:
        owners = " and ".join(sorted(_distribution(entry)[0] for entry in found))
        raise PluginError(f"plugin '{name}' is provided by {owners}: uninstall all but one")
    return found[0]


def _register(manager: pluggy.PluginManager, name: str, entry: EntryPoint | PluginFile) -> None:
    plugin = _import(name, entry)
    if inspect.isclass(plugin):
        raise PluginError(
            f"plugin '{name}' must be a module or an object, but {entry.value} is a class"
        )
    # First: of another version, whatever else does not fit follows from that.
    check_api(name, declared_api(plugin, entry.module))
    for hook in _marked(manager, plugin):
        if hook not in vars(hookspecs):
            hint = did_you_mean(hook, [known for known in vars(manager.hook) if known[0] != "_"])
            raise PluginError(f"plugin '{name}' implements {hook}, which is no hook{hint}")
    try:
        manager.register(plugin, name=name)
    except (pluggy.PluginValidationError, ValueError) as error:
        sentence = " ".join(str(error).split())
        raise PluginError(f"plugin '{name}' does not fit: {sentence}") from error
    for hook, function, defaults in _implementations(manager, plugin):
        if defaults:
            raise PluginError(
                f"plugin '{name}' gives a default to {', '.join(defaults)} in its hook {hook}: "
                "such an argument is never passed"
            )
        if inspect.iscoroutinefunction(function):
            raise PluginError(f"plugin '{name}' makes its hook {hook} async, but hooks are not")


def _marked(manager: pluggy.PluginManager, plugin: object) -> Iterator[str]:
    """Yield the names that the plugin marks as implementations of hooks."""
    for name in dir(plugin):
        if manager.parse_hookimpl_opts(plugin, name) is not None:
            yield name


def _implementations(
    manager: pluggy.PluginManager, plugin: object
) -> Iterator[tuple[str, Any, tuple[str, ...]]]:
    for caller in manager.get_hookcallers(plugin) or ():
        for implementation in caller.get_hookimpls():
            if implementation.plugin is plugin:
                yield caller.name, implementation.function, tuple(implementation.kwargnames)


def _import(name: str, entry: EntryPoint | PluginFile) -> object:
    try:
        return entry.load()
    except PluginError:
        raise
    except ModuleNotFoundError as error:
        raise PluginError(_missing_module(name, entry, error)) from error
    except BaseException as error:
        if ends_process(error):
            raise
        raise PluginError(f"plugin '{name}' cannot be imported: {one_line(error)}") from error


def _missing_module(name: str, entry: EntryPoint | PluginFile, error: ModuleNotFoundError) -> str:
    distribution = entry.dist
    if distribution and name in _extras(distribution) and error.name != entry.module:
        install = f'pip install "{distribution.name}[{name}]"'
        return f"plugin '{name}' needs packages that are not installed: {install}"
    return f"plugin '{name}' needs the module {error.name}, which is not installed"


def _extras(distribution: Distribution) -> list[str]:
    return distribution.metadata.get_all("Provides-Extra") or []


def _distribution(entry: EntryPoint | PluginFile) -> tuple[str, str]:
    if isinstance(entry, PluginFile):
        return entry.value, ""
    return (entry.dist.name, entry.dist.version) if entry.dist else ("unknown", "unknown")


def _info(name: str, files: Mapping[str, Path], *, enabled: bool) -> PluginInfo:
    distribution = version = "unknown"
    roles: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    problem = api = None
    try:
        entry = _entry(name, files)
        distribution, version = _distribution(entry)
        manager = _new_manager()
        _register(manager, name, entry)
        callers = manager.get_hookcallers(manager.get_plugin(name)) or ()
        implemented = {caller.name for caller in callers}
        roles = tuple(dict.fromkeys(ROLES[hook] for hook in ROLES if hook in implemented))
        api = declared_api(manager.get_plugin(name), entry.module)
        warnings = tuple(warnings_of(manager, name))
    except PluginError as error:
        problem = str(error)
    return PluginInfo(name, distribution, version, enabled, roles, problem, api, warnings)
