"""The output of the commands."""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from facilitator.cli.preflight.result import Status
from facilitator.errors import FacilitatorError
from facilitator.observability.colour import Style, painted
from facilitator.observability.redaction import Redactor
from facilitator.observability.wrapping import fitted
from facilitator.settings import Settings

_COLOURS: Mapping[Status, Style] = {"ok": "green", "warning": "yellow", "failed": "red"}


def add_json_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--json``."""
    parser.add_argument("--json", action="store_true", help="print JSON, for scripts")


def print_json(value: object) -> None:
    """Print the value as indented JSON."""
    print(json.dumps(value, indent=2))


def print_table(rows: Sequence[Sequence[str]]) -> None:
    """Print the rows, of which the first has the headings, in columns as wide as need be."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    for number, row in enumerate(rows):
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        line = fitted("  ".join(cells).rstrip(), sys.stdout)
        print(line if number else painted(line, "bold", sys.stdout))


def print_result(status: Status, text: str) -> None:
    """Print the text after a sign of success, warning or failure that the terminal can show."""
    signs = {"ok": "✓", "warning": "!", "failed": "✗"}
    try:
        "".join(signs.values()).encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        signs = {"ok": "ok  ", "warning": "WARN", "failed": "FAIL"}
    sign = signs[status]
    line = fitted(f"{sign} {text}", sys.stdout)
    print(painted(sign, _COLOURS[status], sys.stdout) + line.removeprefix(sign))


@contextmanager
def without_secrets(settings: Settings) -> Iterator[None]:
    """Mask secrets in the error that stops the command, which a plugin may have raised."""
    try:
        yield
    except FacilitatorError as error:
        error.args = (Redactor(settings.secrets()).text(str(error)),)
        raise
