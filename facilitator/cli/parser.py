"""A parser of command lines that suggests what was probably meant."""

import argparse
import sys
from collections.abc import Collection, Sequence
from typing import Any, NoReturn

from facilitator.errors import did_you_mean
from facilitator.observability.wrapping import fitted


class CommandParser(argparse.ArgumentParser):
    """A parser that names the nearest option or word when it refuses one that it does not know.

    ``commands`` has the names of its sub-commands, once they are known.
    The parsers of its sub-commands are of the same kind. Options cannot be abbreviated.
    """

    commands: Collection[str] = ()

    def __init__(self, *args: Any, **options: Any) -> None:
        """Take the arguments of :class:`argparse.ArgumentParser`."""
        super().__init__(*args, **{"allow_abbrev": False, **options})

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Return the namespace and no rest: what a sub-command does not know, it refuses itself.

        Its own usage is shown then, and its own options are suggested.
        """
        parsed, unknown = super().parse_known_args(args, namespace)
        self.refuse_unknown(unknown)
        return parsed, unknown

    def refuse_unknown(self, words: Sequence[str]) -> None:
        """End with exit code 2 if there are words; suggest an option for the first one."""
        if words:
            hint = did_you_mean(words[0].split("=")[0], self._option_string_actions)
            self.error(f"unrecognized arguments: {' '.join(words)}{hint}")

    def refuse_unknown_option(self, word: str) -> None:
        """End with exit code 2 if the word is an option that is not this parser's."""
        name = word.split("=")[0]
        if name.startswith("--") and name not in {"--", *self._option_string_actions}:
            self.refuse_unknown([word])

    def error(self, message: str) -> NoReturn:
        """Print the usage and the message, and end with exit code 2."""
        self.print_usage(sys.stderr)
        self.exit(2, fitted(f"{self.prog}: error: {message}", sys.stderr) + "\n")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is None or value in action.choices:
            return
        known = [str(choice) for choice in action.choices]
        hint = did_you_mean(str(value), known) or f"; choose from {', '.join(known)}"
        raise argparse.ArgumentError(action, f"there is no {value!r}{hint}")
