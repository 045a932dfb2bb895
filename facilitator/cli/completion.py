"""The command ``facilitator completion``: the words of all commands, for a shell's Tab key."""

import argparse
from collections.abc import Iterator


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the name of the shell."""
    parser.description = (
        "Print a script that has a shell complete the commands and options, also those of the "
        "enabled plugins. The shell reads it at its start."
    )
    parser.add_argument(
        "shell", metavar="SHELL", choices=("bash", "zsh", "fish"), help="%(choices)s"
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the script; return the exit code."""
    import shtab

    from facilitator.cli import full_parser

    parser = full_parser(arguments.settings)
    for action in _actions(parser):
        if isinstance(action, argparse._SubParsersAction):
            for summary in action._choices_actions:
                action.choices[summary.dest].description = summary.help  # a line has no more room
        elif action.metavar == "COMMAND":
            action.choices = tuple(parser.commands)
        if any(word in str(action.metavar or action.dest).lower() for word in ("path", "file")):
            action.complete = shtab.FILE  # type: ignore[attr-defined]
    print(shtab.complete(parser, arguments.shell))
    return 0


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """Yield the arguments of the parser and of all its commands."""
    for action in parser._actions:
        yield action
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                yield from _actions(command)
