"""The command ``facilitator payments export``."""

import argparse
import sys

from facilitator.cli.payments.amounts import add_decimals_option, decimals_of
from facilitator.cli.payments.columns import (
    COLUMNS,
    CsvWriter,
    flattened,
    json_line,
    payment_values,
)
from facilitator.cli.payments.filters import add_filter_options, query_of
from facilitator.cli.payments.opening import open_ledger
from facilitator.cli.payments.pages import read_payments
from facilitator.cli.streams import until_reader_leaves, write_utf8_lines

FORMATS = ("csv", "jsonl")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add ``--format``, the filters and ``--decimals``."""
    parser.description = (
        "Write payments to standard output, the newest first, with all that the ledger has. A text "
        "that a spreadsheet would take for a formula begins with an apostrophe in CSV."
    )
    parser.add_argument(
        "--format", choices=FORMATS, default="csv", help="CSV or JSON Lines (default: csv)"
    )
    add_filter_options(parser)
    add_decimals_option(parser)


def run(arguments: argparse.Namespace) -> int:
    """Write the payments page by page; return the exit code."""
    decimals = decimals_of(arguments)
    with until_reader_leaves(), open_ledger(arguments.settings) as opened:
        write_utf8_lines()
        rows = (
            payment_values(each, decimals)
            for each in read_payments(opened.ledger, query_of(arguments))
        )
        if arguments.format == "csv":
            writer = CsvWriter(sys.stdout, COLUMNS)
            for row in rows:
                writer.write(flattened(row))
        else:
            for row in rows:
                sys.stdout.write(json_line(row))
    return 0
