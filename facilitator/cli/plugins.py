"""The command ``facilitator plugins``."""

import argparse
import dataclasses

from facilitator.cli.output import add_json_option, print_json, print_table
from facilitator.plugin.discovery import PluginInfo, available_plugins
from facilitator.settings import read_settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add ``--json``."""
    parser.description = (
        "List the installed plugins: which are enabled, their versions and roles, "
        "and why one cannot be used. Exits with 1 when an enabled one cannot."
    )
    add_json_option(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the list; return the exit code."""
    source = read_settings(arguments.settings)
    plugins = available_plugins(source.plugins(), source.plugin_files())
    if arguments.json:
        print_json([dataclasses.asdict(plugin) for plugin in plugins])
    else:
        print_table([("PLUGIN", "ENABLED", "FROM", "ROLES"), *map(_row, plugins)])
        for plugin in plugins:
            if plugin.problem:
                print(f"{plugin.name} cannot be used: {plugin.problem}")
    return 1 if any(plugin.enabled and plugin.problem for plugin in plugins) else 0


def _row(plugin: PluginInfo) -> tuple[str, str, str, str]:
    return (
        plugin.name,
        "yes" if plugin.enabled else "no",
        f"{plugin.distribution} {plugin.version}".rstrip(),
        ", ".join(plugin.roles) or "-",
    )
