"""The command ``facilitator payments list``."""

import argparse
import shutil
from collections.abc import Sequence

from facilitator.cli.payments.amounts import (
    Decimals,
    add_decimals_option,
    amount_text,
    decimals_of,
)
from facilitator.cli.payments.columns import COLUMNS, flattened, payment_values
from facilitator.cli.payments.filters import add_filter_options, parse_count, query_of
from facilitator.cli.payments.opening import open_ledger
from facilitator.cli.payments.output_options import add_form_options, print_rows
from facilitator.cli.payments.pages import read_payments
from facilitator.cli.payments.texts import (
    TABLE_WIDTH,
    end_of,
    render_table,
    time_text,
    without_protocol,
)
from facilitator.cli.streams import until_reader_leaves
from facilitator.roles.payment_record import PaymentRecord

DEFAULT_LIMIT = 20
_ID_LENGTH = 8
_PAYER_LENGTH = 8
_HEADINGS = ("CLAIMED (UTC)", "ID", "STATE", "AMOUNT", "PAYER", "RESOURCE")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the filters, ``--limit``, ``--decimals``, ``--json`` and ``--csv``."""
    parser.description = (
        "List payments, the newest first. The id is a beginning that 'show' takes; the payer is "
        "the end of the address."
    )
    add_filter_options(parser)
    parser.add_argument(
        "--limit", type=parse_count, default=DEFAULT_LIMIT, metavar="N",
        help=f"so many of them (default: {DEFAULT_LIMIT})",
    )  # fmt: skip
    add_decimals_option(parser)
    add_form_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the list; return the exit code."""
    decimals = decimals_of(arguments)
    with until_reader_leaves(), open_ledger(arguments.settings) as opened:
        payments = list(read_payments(opened.ledger, query_of(arguments), arguments.limit))
        values = (payment_values(each, decimals) for each in payments)
        print_rows(
            arguments,
            COLUMNS,
            map(flattened, values) if arguments.csv else values,
            lambda: render_payments(payments, decimals, _width()),
        )
    return 0


def render_payments(
    payments: Sequence[PaymentRecord], decimals: Decimals, width: int = TABLE_WIDTH
) -> str:
    """Return the table of the payments, or that there are none."""
    if not payments:
        return "no payments found\n"
    return render_table(_HEADINGS, [_row(each, decimals) for each in payments], ["AMOUNT"], width)


def _row(payment: PaymentRecord, decimals: Decimals) -> tuple[str, ...]:
    return (
        time_text(payment.created_at)[:-3],
        payment.transaction_id[:_ID_LENGTH],
        payment.state,
        amount_text(payment.amount, payment.asset, decimals),
        "erased" if payment.payer is None else end_of(payment.payer, _PAYER_LENGTH),
        "erased" if payment.resource is None else without_protocol(payment.resource),
    )


def _width() -> int:
    return max(TABLE_WIDTH, shutil.get_terminal_size((TABLE_WIDTH, 0)).columns)
