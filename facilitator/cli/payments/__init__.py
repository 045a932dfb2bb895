"""The command ``facilitator payments``: what was paid, by whom, for what.

Each sub-command is a module with ``add_arguments(parser)`` and ``run(arguments) -> exit code``.
"""

import argparse

from facilitator.cli import add_settings_option
from facilitator.cli.payments import (
    erasing,
    exporting,
    listing,
    reconciling,
    refusing,
    showing,
    totalling,
    watching,
)

SUBCOMMANDS = {
    "list": ("list payments, the newest first", listing),
    "show": ("show the story of one payment", showing),
    "export": ("write payments as CSV or JSON Lines", exporting),
    "totals": ("add payments up by day, asset, recipient and caller", totalling),
    "reconcile": ("compare settled payments with the chain", reconciling),
    "erase": ("erase the personal fields of payments", erasing),
    "watch": ("print each event as it comes", watching),
    "refusals": ("count refused requests by reason", refusing),
}
"""Name to one-line help and module."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the sub-commands."""
    parser.description = (
        "Look at the payment ledger that the settings name. A facilitator may be serving meanwhile."
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True, dest="subcommand")
    for name, (summary, module) in SUBCOMMANDS.items():
        command = commands.add_parser(name, help=summary, description=summary.capitalize() + ".")
        add_settings_option(command, default=argparse.SUPPRESS)
        module.add_arguments(command)


def run(arguments: argparse.Namespace) -> int:
    """Run the sub-command; return its exit code. Raises :class:`FacilitatorError`."""
    code: int = SUBCOMMANDS[arguments.subcommand][1].run(arguments)
    return code
