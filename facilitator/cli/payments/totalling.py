"""The command ``facilitator payments totals``."""

import argparse
import sys
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

from facilitator.cli.payments.amounts import (
    LOVELACE,
    Decimals,
    add_decimals_option,
    amount_text,
    decimals_of,
    with_decimals,
)
from facilitator.cli.payments.filters import add_filter_options, query_of
from facilitator.cli.payments.opening import open_ledger
from facilitator.cli.payments.output_options import add_form_options, print_rows
from facilitator.cli.payments.texts import end_of, render_table, shortened
from facilitator.cli.streams import until_reader_leaves
from facilitator.roles.claim import ClaimState
from facilitator.roles.payment_json import total_json
from facilitator.roles.payment_ledger import Total, TotalBy

SETTLED = frozenset({ClaimState.SETTLED})
ASSET = "asset"
"""Payments are always added up by network and asset: sums of several mean nothing."""
_CHOICES = (*TotalBy, ASSET)
_COLUMNS = (
    "day", "network", "payTo", "caller", "asset", "count", "amount", "amountDecimal", "fee",
    "feeAda",
)  # fmt: skip
_ADDRESS_LENGTH = 9
_CALLER_LENGTH = 8


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add ``--by``, the filters, ``--decimals``, ``--json`` and ``--csv``."""
    parser.description = (
        "Add payments up by network and asset, and by what --by names. Settled ones are counted, "
        "unless --state says otherwise."
    )
    parser.add_argument(
        "--by", type=parse_by, metavar="FIELDS",
        help=f"with commas between: {', '.join(_CHOICES)}; the day is that of the settlement",
    )  # fmt: skip
    add_filter_options(parser)
    add_decimals_option(parser)
    add_form_options(parser)


def parse_by(text: str) -> frozenset[TotalBy]:
    """Return the fields named with commas between. Raises :class:`argparse.ArgumentTypeError`."""
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if name not in _CHOICES:
            raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(_CHOICES)}")
    return frozenset(TotalBy(name) for name in names if name != ASSET)


def run(arguments: argparse.Namespace) -> int:
    """Print the totals; return the exit code."""
    decimals, by = decimals_of(arguments), arguments.by or frozenset()
    query = query_of(arguments)
    query = replace(query, states=query.states or SETTLED)
    if TotalBy.DAY in by and query.states != SETTLED:
        print("payments that are not settled have no day, and are left out", file=sys.stderr)
    with until_reader_leaves(), open_ledger(arguments.settings) as opened:
        totals = opened.ledger.totals(query, by)
        print_rows(
            arguments,
            _COLUMNS,
            (total_values(each, decimals) for each in totals),
            lambda: render_totals(totals, by, decimals),
        )
    return 0


def total_values(total: Total, decimals: Decimals) -> dict[str, Any]:
    """Return the total as JSON, with its sums in decimals where they are known."""
    return {
        **total_json(total),
        "amountDecimal": with_decimals(total.amount, total.asset, decimals),
        "feeAda": with_decimals(total.fee, LOVELACE, decimals),
    }


def render_totals(totals: Sequence[Total], by: Collection[TotalBy], decimals: Decimals) -> str:
    """Return the table of the totals, or that there are none."""
    if not totals:
        return "no payments found\n"
    cells = {
        "DAY": [each.day or "" for each in totals] if TotalBy.DAY in by else None,
        "NETWORK": [each.network.removeprefix("cardano:") for each in totals],
        "PAY TO": (
            [end_of(each.pay_to or "", _ADDRESS_LENGTH) for each in totals]
            if TotalBy.PAY_TO in by
            else None
        ),
        "CALLER": (
            [shortened(each.caller or "-", _CALLER_LENGTH) for each in totals]
            if TotalBy.CALLER in by
            else None
        ),
        "COUNT": [f"{each.count:,}" for each in totals],
        "AMOUNT": [amount_text(each.amount, each.asset, decimals) for each in totals],
        "FEES (ADA)": [with_decimals(each.fee, LOVELACE, decimals) or "" for each in totals],
    }
    shown = {heading: column for heading, column in cells.items() if column is not None}
    rows = list(zip(*shown.values(), strict=True))
    return render_table(tuple(shown), rows, ["COUNT", "AMOUNT", "FEES (ADA)"])
