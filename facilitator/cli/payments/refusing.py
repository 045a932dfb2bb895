"""The command ``facilitator payments refusals``."""

import argparse
from collections.abc import Sequence
from datetime import UTC, datetime

from facilitator.cli.payments.filters import parse_time
from facilitator.cli.payments.opening import open_ledger
from facilitator.cli.payments.output_options import add_form_options, print_rows
from facilitator.cli.payments.texts import printable, render_table, time_text
from facilitator.cli.streams import until_reader_leaves
from facilitator.roles.payment_json import refusal_json
from facilitator.roles.payment_ledger import RefusalCount

_COLUMNS = ("day", "endpoint", "reason", "caller", "count", "lastAt", "sample")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add ``--since``, ``--json`` and ``--csv``."""
    parser.description = (
        "Count refused requests by day (UTC), endpoint, reason and API key, the newest day first, "
        "each with the sentence of the last one."
    )
    parser.add_argument(
        "--since", type=parse_time, metavar="DATE", help="of this day and later (default: all)"
    )
    add_form_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the counts; return the exit code."""
    since = arguments.since
    day = "" if since is None else datetime.fromtimestamp(since, UTC).date().isoformat()
    with until_reader_leaves(), open_ledger(arguments.settings) as opened:
        counts = opened.ledger.refusals(day)
        print_rows(arguments, _COLUMNS, map(refusal_json, counts), lambda: render_counts(counts))
    return 0


def render_counts(counts: Sequence[RefusalCount]) -> str:
    """Return the table, with the last sentence below each line, or that there are none."""
    if not counts:
        return "no refused request was counted\n"
    headings = ("DAY", "COUNT", "ENDPOINT", "CALLER", "REASON")
    rows = [
        (each.day, f"{each.count:,}", each.endpoint, each.caller or "-", each.reason)
        for each in counts
    ]
    widest = max(len(each.reason) for each in counts)
    first, *lines = render_table(headings, rows, ["COUNT"], 80 + widest).splitlines()
    samples = (f"    last {time_text(each.last_at)}: {printable(each.sample)}" for each in counts)
    return "\n".join([first, *(part for pair in zip(lines, samples) for part in pair)]) + "\n"  # noqa: B905
