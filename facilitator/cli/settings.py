"""The command ``facilitator settings``."""

import argparse
from typing import Any

from facilitator.cli.output import add_json_option, print_json, print_table
from facilitator.plugin.loading import configure
from facilitator.settings.resolve import Effective

MASK = "********"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add ``--json``."""
    parser.description = (
        "Show every setting in force and where it was set. Secrets are masked. "
        "Exits with 1 and names every problem when the settings are wrong."
    )
    add_json_option(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the settings; return the exit code. Raises :class:`ConfigInvalidError`."""
    settings, _ = configure(arguments.settings)
    files = [str(file) for file in settings.files]
    if arguments.json:
        print_json(
            {
                "environment": settings.environment,
                "files": files,
                "settings": [_entry(effective) for effective in settings.effective],
            }
        )
        return 0
    print(f"environment {settings.environment}; files read: {', '.join(files) or 'none'}\n")
    rows = [(entry.key, _text(_shown(entry)), entry.origin) for entry in settings.effective]
    print_table([("SETTING", "VALUE", "FROM"), *rows])
    return 0


def _entry(effective: Effective) -> dict[str, Any]:
    return {
        "key": effective.key,
        "value": _shown(effective),
        "origin": effective.origin,
        "help": effective.field.help,
    }


def _shown(effective: Effective) -> Any:
    if effective.field.secret and effective.value:
        return MASK
    return effective.value


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple | list):
        return ", ".join(value) or "-"
    return "-" if value is None or value == {} else str(value)
