"""The ``facilitator`` command.

Each command is a module with ``add_arguments(parser)`` and ``run(arguments) -> exit code``. It is
imported only when the command is called, so that help texts come at once.
"""

import argparse
import gc
import sys
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import AbstractContextManager
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, TypeAlias

from facilitator import __version__
from facilitator.cli.parser import CommandParser
from facilitator.cli.streams import drop_output, is_of_output, make_writable
from facilitator.errors import FacilitatorError, did_you_mean
from facilitator.observability.wrapping import fitted

if TYPE_CHECKING:
    from facilitator.cli.payments.opening import Opened
    from facilitator.cli.wallets import OpenedWallet

COMMANDS = {
    "serve": ("answer x402 requests until it is stopped", "facilitator.cli.serve"),
    "check": ("try settings, plugins, storage and chain", "facilitator.cli.check"),
    "settings": (
        "show the settings in force and where each comes from",
        "facilitator.cli.settings",
    ),
    "keys": ("make, list and revoke API keys in the storage", "facilitator.cli.keys"),
    "plugins": ("list the installed plugins", "facilitator.cli.plugins"),
    "new-plugin": ("write the distribution of a new plugin", "facilitator.cli.new_plugin"),
    "pay": ("pay for a URL that answers 402", "facilitator.cli.pay"),
    "inspect": ("show why a payment or transaction is (not) valid", "facilitator.cli.inspect"),
    "payments": ("list, export and reconcile what was paid", "facilitator.cli.payments"),
    "completion": ("print completions for a shell", "facilitator.cli.completion"),
    "help": ("show the help of a command", "facilitator.cli.help"),
}
"""Command name to one-line help and module."""

EPILOG = """\
Without any settings an embedded test network and an SQLite file are used.
Exit codes: 0 done, 1 failed, 2 wrong usage.
"""

_PluginCommand: TypeAlias = tuple[
    str, str, Callable[[argparse.ArgumentParser], Callable[[argparse.Namespace], int]]
]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command that the arguments name and return its exit code.

    Raises :class:`SystemExit` for help, version and wrong usage, as argparse does.
    """
    words = sys.argv[1:] if argv is None else list(argv)
    make_writable()
    try:
        arguments = _parse(words)
        if not gc.isenabled():  # as the process of a command begins
            gc.freeze()
            gc.enable()
        code: int = arguments.run(arguments)
        sys.stdout.flush()
        return code
    except FacilitatorError as error:
        for line in str(error).splitlines():
            print(fitted(f"{type(error).__name__}: {line}", sys.stderr), file=sys.stderr)
        return 1
    except BrokenPipeError:
        drop_output()
        return 1
    except OSError as error:
        if not is_of_output(error):
            raise
        drop_output()
        print(f"the output cannot be written: {error.strerror}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _parse(words: Sequence[str]) -> argparse.Namespace:
    first, _ = _first_look().parse_known_args(words)
    parser = _build_parser(first, [first.command] if first.command in COMMANDS else [])
    parser.refuse_unknown_option(words[0] if words else "")
    if first.command is not None:
        _refuse_command_of_plugin(parser, first.command)
    arguments = parser.parse_args(words)
    arguments.open_ledger = partial(_open_ledger, arguments.settings)
    arguments.open_wallet = partial(_open_wallet, arguments)
    return arguments


def full_parser(settings_path: str | None) -> CommandParser:
    """Return the parser with the arguments of every command, also of the plugins' ones."""
    first = argparse.Namespace(settings=settings_path, command=None, version=False)
    return _build_parser(first, COMMANDS)


def _build_parser(first: argparse.Namespace, described: Collection[str]) -> CommandParser:
    """Return the parser; commands of the core have arguments if ``described`` names them."""
    parser = CommandParser(
        prog="facilitator",
        description="An x402 payment facilitator for Cardano.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    add_settings_option(parser, default=None)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, (summary, module) in COMMANDS.items():
        command = _add_command(commands, name, summary)
        if name in described:
            implementation = import_module(module)
            implementation.add_arguments(command)
            command.set_defaults(run=implementation.run)
    for name, summary, prepare in _plugin_commands(first):
        command = _add_command(commands, name, summary)
        command.set_defaults(run=prepare(command))
    parser.commands = commands.choices
    return parser


def _refuse_command_of_plugin(parser: CommandParser, command: str) -> None:
    """End with exit code 2 if the command is one of a plugin that is installed and not enabled."""
    if command in parser.commands or did_you_mean(command, parser.commands):
        return
    from facilitator.cli.unknown_command import plugin_of

    if plugin := plugin_of(command):
        parser.error(
            f"{command} is a command of the plugin {plugin}, which is not enabled: name it in the "
            "setting plugins"
        )


def _open_ledger(settings_path: str | None) -> "AbstractContextManager[Opened]":
    """Open the payment ledger for a plugin's command."""
    from facilitator.cli.payments.opening import open_ledger

    return open_ledger(settings_path)


def _open_wallet(
    arguments: argparse.Namespace, network: str | None = None, wallet: str | None = None
) -> "AbstractContextManager[OpenedWallet]":
    """Open a wallet and its chain for a plugin's command."""
    from facilitator.cli.wallets import open_wallet

    return open_wallet(arguments, network, wallet)


def _first_look() -> argparse.ArgumentParser:
    """Return a parser of the command's name and the settings file, needed before all others."""
    parser = argparse.ArgumentParser(prog="facilitator", add_help=False, allow_abbrev=False)
    parser.add_argument("--settings")
    parser.add_argument("--version", action="store_true")
    parser.add_argument("command", nargs="?")
    return parser


def add_settings_option(parser: argparse.ArgumentParser, default: str | None) -> None:
    """Add ``--settings``."""
    parser.add_argument(
        "--settings",
        metavar="PATH",
        default=default,
        help="settings file; else FACILITATOR_SETTINGS, else settings.toml in the working folder",
    )


def _add_command(
    commands: "argparse._SubParsersAction[CommandParser]", name: str, summary: str
) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=summary, description=summary.capitalize() + ".")
    # Suppressed, so that it does not undo the same option before the command's name.
    add_settings_option(command, default=argparse.SUPPRESS)
    return command


def _plugin_commands(first: argparse.Namespace) -> Iterable[_PluginCommand]:
    """Return the plugins' commands; none for a command of the core.

    The commands of plugins that are enabled by default do not depend on the settings, so that a
    newcomer's first command works in any folder.
    """
    if first.command in COMMANDS or first.version:
        return []
    from facilitator.plugin.loading import configure
    from facilitator.settings.layers import PACKAGED

    _, defaults = configure(environ={}, cwd=PACKAGED.parent)
    commands = {command[0]: command for command in defaults.cli_commands()}
    try:
        _, plugins = configure(first.settings)
        commands |= {command[0]: command for command in plugins.cli_commands()}
    except FacilitatorError:
        # Help and those commands do not depend on the settings.
        if first.command is not None and first.command not in commands:
            raise
    return [command for name, command in commands.items() if name not in COMMANDS]
