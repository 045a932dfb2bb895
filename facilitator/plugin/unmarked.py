"""Functions that a plugin probably means as hooks, though they are none and never called."""

import inspect
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pluggy


def warnings_of(manager: pluggy.PluginManager, name: str) -> list[str]:
    """Return a sentence for each function of the plugin that looks like a hook but is not marked.

    A plugin without any hook gets one, too.
    """
    plugin = manager.get_plugin(name)
    found = [
        f"plugin '{name}' has a function {hook} without hookimpl, so it is never called as a hook"
        for hook in _unmarked(manager, plugin)
    ]
    if not found and not manager.get_hookcallers(plugin):
        found.append(f"plugin '{name}' implements no hook, so it does nothing")
    return found


def _unmarked(manager: pluggy.PluginManager, plugin: object) -> Iterator[str]:
    for hook in vars(manager.hook):
        if hook.startswith("_") or _is_marked(manager, plugin, hook):
            continue
        function = getattr(plugin, hook, None)
        if inspect.isroutine(function) and _is_own(plugin, function):
            yield hook


def _is_marked(manager: pluggy.PluginManager, plugin: Any, hook: str) -> bool:
    """Return True if the plugin implements the hook, or defines it."""
    options = (
        manager.parse_hookimpl_opts(plugin, hook),
        manager.parse_hookspec_opts(plugin, hook),
    )
    return options != (None, None)


def _is_own(plugin: object, function: object) -> bool:
    """Return True unless a module has the function from another one, as a tool of its own."""
    if not isinstance(plugin, ModuleType):
        return True
    return getattr(function, "__module__", None) == plugin.__name__
