"""Discovery of plugins, which are imported and checked.

Each is an entry point of the group ``facilitator.plugins``, or a file for development.

Only the named plugins are imported; :func:`available_plugins` alone imports all of them.
"""

import inspect
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib.metadata import Distribution, EntryPoint
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pluggy

from facilitator.errors import PluginError, did_you_mean, ends_process, one_line
from facilitator.plugin import hookspecs
from facilitator.plugin.api_version import check_api, declared_api
from facilitator.plugin.plugin_file import PluginFile
from facilitator.plugin.unmarked import warnings_of
from facilitator.settings.installed import plugin_entry_points

ROLES: Mapping[str, str] = {
    "networks": "networks",
    "chain_provider": "chain provider",
    "storage": "storage",
    "payment_ledger": "payment ledger",
    "meter": "meter",
    "rate_limiter": "rate limiter",
    "error_reporter": "error reporter",
    "transfer_methods": "transfer methods",
    "schemes": "schemes",
    "routes": "routes",
    "health_checks": "health checks",
    "wallets": "wallets",
    "payers": "payers",
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
    plugins = {name: _load(name, entry) for name, entry in entries.items()}
    for name, plugin in plugins.items():
        _add_hookspecs(manager, name, plugin)
    for name, plugin in plugins.items():
        _register(manager, name, plugin)
    return manager


def available_plugins(
    enabled: Collection[str], files: Mapping[str, Path] = MappingProxyType({})
) -> list[PluginInfo]:
    """Return all installed plugins by name, and every enabled one that is not installed."""
    names = sorted({*plugin_entry_points().names, *enabled})
    infos = {name: PluginInfo(name, "unknown", "unknown", name in enabled) for name in names}
    plugins = {}
    for name in names:
        try:
            entry = _entry(name, files)
            distribution, version = _distribution(entry)
            infos[name] = replace(infos[name], distribution=distribution, version=version)
            plugins[name] = _load(name, entry)
            infos[name] = replace(infos[name], api=declared_api(plugins[name], entry.module))
        except PluginError as error:
            infos[name] = replace(infos[name], problem=str(error))
    for name in plugins:
        infos[name] = _described(infos[name], plugins)
    return [infos[name] for name in names]


def _new_manager() -> pluggy.PluginManager:
    manager = pluggy.PluginManager("facilitator")
    manager.add_hookspecs(hookspecs)
    return manager


def _entry(name: str, files: Mapping[str, Path]) -> EntryPoint | PluginFile:
    file = files.get(name)
    if file is None:
        return _entry_point(name)
    if name in plugin_entry_points().names:
        raise PluginError(f"plugin '{name}' is installed, too: give the file {file} another name")
    return PluginFile(name, file)


def _entry_point(name: str) -> EntryPoint:
    installed = plugin_entry_points()
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


def _load(name: str, entry: EntryPoint | PluginFile) -> object:
    plugin = _import(name, entry)
    if inspect.isclass(plugin):
        raise PluginError(
            f"plugin '{name}' must be a module or an object, but {entry.value} is a class"
        )
    # First: of another version, whatever else does not fit follows from that.
    check_api(name, declared_api(plugin, entry.module))
    return plugin


def _add_hookspecs(manager: pluggy.PluginManager, name: str, plugin: Any) -> None:
    """Add the hooks that the plugin defines for other plugins. Raises :class:`PluginError`."""
    for hook in dir(plugin):
        if manager.parse_hookspec_opts(plugin, hook) is None:
            continue
        if hook in vars(manager.hook):
            raise PluginError(f"plugin '{name}' defines the hook {hook}, which there is already")
        manager.add_hookspecs(type(name, (), {hook: staticmethod(getattr(plugin, hook))}))


def _register(manager: pluggy.PluginManager, name: str, plugin: object) -> None:
    for hook, is_optional in _marked(manager, plugin):
        caller = getattr(manager.hook, hook, None)
        if not is_optional and (caller is None or not caller.has_spec()):
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


def _marked(manager: pluggy.PluginManager, plugin: object) -> Iterator[tuple[str, bool]]:
    """Yield the names that the plugin marks as implementations of hooks.

    With each comes if the hook may be missing, as it is while the plugin that defines it is not
    enabled.
    """
    for name in dir(plugin):
        if (options := manager.parse_hookimpl_opts(plugin, name)) is not None:
            yield name, options["optionalhook"]


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


def _described(info: PluginInfo, plugins: Mapping[str, object]) -> PluginInfo:
    """Return the plugin with its roles and warnings; others may define hooks that it implements."""
    try:
        manager = _new_manager()
        _add_hookspecs(manager, info.name, plugins[info.name])
        for name, plugin in plugins.items():
            if name != info.name:
                with suppress(PluginError):
                    _add_hookspecs(manager, name, plugin)
        _register(manager, info.name, plugins[info.name])
    except PluginError as error:
        return replace(info, problem=str(error))
    callers = manager.get_hookcallers(manager.get_plugin(info.name)) or ()
    implemented = {caller.name for caller in callers}
    roles = tuple(dict.fromkeys(ROLES[hook] for hook in ROLES if hook in implemented))
    return replace(info, roles=roles, warnings=tuple(warnings_of(manager, info.name)))
