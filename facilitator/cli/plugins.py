"""The command ``facilitator plugins``."""

import argparse
import dataclasses

from facilitator.cli.output import add_json_option, print_json, print_table
from facilitator.plugin import API_VERSION
from facilitator.plugin.discovery import PluginInfo, available_plugins
from facilitator.settings import read_settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add ``--json``."""
    parser.description = (
        "List the installed plugins: which are enabled, the version of the plugin API that each "
        "was written for, their versions and roles, and why one cannot be used. Exits with 1 when "
        "an enabled one cannot."
    )
    add_json_option(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the list; return the exit code."""
    source = read_settings(arguments.settings)
    plugins = available_plugins(source.plugins(), source.plugin_files())
    if arguments.json:
        print_json([dataclasses.asdict(plugin) for plugin in plugins])
    else:
        print_table([("PLUGIN", "ENABLED", "API", "FROM", "ROLES"), *map(_row, plugins)])
        for plugin in plugins:
            if plugin.problem:
                print(f"{plugin.name} cannot be used: {plugin.problem}")
            for warning in plugin.warnings:
                print(f"warning: {warning}")
        print(f"The plugin API here is {API_VERSION}.")
    return 1 if any(plugin.enabled and plugin.problem for plugin in plugins) else 0


def _row(plugin: PluginInfo) -> tuple[str, ...]:
    return (
        plugin.name,
        "yes" if plugin.enabled else "no",
        plugin.api or "-",
        f"{plugin.distribution} {plugin.version}".rstrip(),
        ", ".join(plugin.roles) or "-",
    )
