"""The options that choose the form of a list, and the printing of short lists."""

import argparse
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from facilitator.cli.output import print_json
from facilitator.cli.payments.columns import CsvWriter
from facilitator.cli.streams import write_utf8_lines


def add_form_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--json`` and ``--csv``, of which one may be given."""
    forms = parser.add_mutually_exclusive_group()
    forms.add_argument("--json", action="store_true", help="print JSON, for scripts")
    forms.add_argument("--csv", action="store_true", help="print CSV, for spreadsheets")


def print_rows(
    arguments: argparse.Namespace,
    columns: tuple[str, ...],
    rows: Iterable[Mapping[str, Any]],
    as_text: Callable[[], str],
) -> None:
    """Print the rows as the options of :func:`add_form_options` say; ``as_text`` if neither."""
    if arguments.json:
        print_json(list(rows))
    elif arguments.csv:
        write_utf8_lines()
        writer = CsvWriter(sys.stdout, columns)
        for row in rows:
            writer.write(row)
    else:
        print(as_text(), end="")
