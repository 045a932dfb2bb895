"""Commands of plugins that are installed and not enabled."""

from facilitator.plugin.discovery import available_plugins
from facilitator.plugin.loading import load_plugins


def plugin_of(command: str) -> str | None:
    """Return the name of an installed plugin that has the command; ``None`` without one.

    Every installed plugin is imported for that.
    """
    for plugin in available_plugins(()):
        if "commands" in plugin.roles and not plugin.problem:
            commands = load_plugins([plugin.name]).cli_commands()
            if command in {name for name, *_ in commands}:
                return plugin.name
    return None
