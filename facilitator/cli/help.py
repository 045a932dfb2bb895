"""The command ``facilitator help``."""

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the words of a command."""
    parser.description = "Show the help of a command, as its option --help does, or of all."
    parser.add_argument(
        "words", metavar="COMMAND", nargs="*", help="a command, and its further word if it has any"
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the help. Raises :class:`SystemExit`, as ``--help`` does."""
    from facilitator.cli import main

    settings = [] if arguments.settings is None else ["--settings", arguments.settings]
    return main([*settings, *arguments.words, "--help"])
