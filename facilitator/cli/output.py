"""What the commands print."""

import argparse
import json
import sys
from collections.abc import Sequence


def add_json_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--json``."""
    parser.add_argument("--json", action="store_true", help="print JSON, for scripts")


def print_json(value: object) -> None:
    """Print the value as indented JSON."""
    print(json.dumps(value, indent=2))


def print_table(rows: Sequence[Sequence[str]]) -> None:
    """Print the rows, the first being the heads, in columns as wide as need be."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print("  ".join(cells).rstrip())


def mark(ok: bool) -> str:
    """A sign of success or failure that the terminal can show."""
    signs = ("✓", "✗")
    try:
        "".join(signs).encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        signs = ("ok  ", "FAIL")
    return signs[0] if ok else signs[1]
