"""Loading of the enabled plugins, and of the settings that they and the core declare."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from facilitator.errors import PluginError, Problem
from facilitator.plugin.discovery import register_plugins
from facilitator.plugin.manager import Plugins
from facilitator.settings import Settings, read_settings
from facilitator.settings.installed import installed_plugins


def load_plugins(names: Sequence[str], files: Mapping[str, Path] = MappingProxyType({})) -> Plugins:
    """Import the named plugins, which are called in this order, and check their hooks.

    Those that ``files`` has are imported from there.

    Raises :class:`PluginError` when one is unknown, ambiguous, cannot be imported or does not fit.
    """
    return Plugins(register_plugins(names, files), names)


def configure(
    path: str | None = None,
    environ: Mapping[str, str] = os.environ,
    cwd: Path | None = None,
    options: Mapping[str, str] = MappingProxyType({}),
) -> tuple[Settings, Plugins]:
    """Return the checked settings and the plugins that they enable.

    The arguments are those of :func:`facilitator.settings.read_settings`. Raises
    :class:`~facilitator.errors.ConfigInvalidError` with every problem, also those of plugins.
    """
    source = read_settings(path, environ, cwd, options)
    names = source.plugins()
    try:
        plugins = load_plugins(names, source.plugin_files())
        sections = plugins.settings_sections()
        plugins.register_networks()
    except PluginError as error:
        # The rest is checked all the same, so that every problem is named at once.
        source.refuse(Problem("plugins", str(error)), {*installed_plugins(), *names})
    settings = source.settings(sections, installed_plugins() - set(names))
    plugins.limits = settings.hooks
    return settings, plugins
