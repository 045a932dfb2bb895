"""The command ``facilitator payments show``."""

import argparse
import sys
from collections.abc import Iterator, Sequence

from facilitator.cli.output import add_json_option, print_json
from facilitator.cli.payments.amounts import (
    LOVELACE,
    Decimals,
    add_decimals_option,
    amount_text,
    decimals_of,
)
from facilitator.cli.payments.columns import payment_values
from facilitator.cli.payments.opening import open_ledger
from facilitator.cli.payments.pages import find_payment
from facilitator.cli.payments.story import story_of
from facilitator.cli.payments.texts import printable
from facilitator.cli.streams import until_reader_leaves
from facilitator.observability.wrapping import fitted
from facilitator.roles.payment_json import event_json
from facilitator.roles.payment_record import PaymentEvent, PaymentRecord


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the id, ``--decimals`` and ``--json``."""
    parser.description = "Show a payment and what happened to it, with times in UTC."
    parser.add_argument("id", metavar="ID", help="beginning of the transaction's id that is unique")
    add_decimals_option(parser)
    add_json_option(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the payment; return the exit code."""
    decimals = decimals_of(arguments)
    with until_reader_leaves(), open_ledger(arguments.settings) as opened:
        payment = find_payment(opened.ledger, arguments.id)
        events = opened.ledger.events(payment.transaction_id)
        if arguments.json:
            values = payment_values(payment, decimals)
            story = [{"at": at, "what": words} for at, words in story_of(payment, events)]
            print_json({**values, "events": list(map(event_json, events)), "story": story})
        else:
            print(fitted(render_payment(payment, events, decimals), sys.stdout), end="")
    return 0


def render_payment(
    payment: PaymentRecord, events: Sequence[PaymentEvent], decimals: Decimals
) -> str:
    """Return the payment's fields and its story as lines."""
    fields = list(_fields(payment, decimals))
    width = max(len(name) for name, _ in fields)
    lines = [f"payment {payment.transaction_id}", ""]
    lines += [f"  {name.ljust(width)}  {printable(value)}" for name, value in fields]
    lines += ["", *(f"  {at}  {words}" for at, words in story_of(payment, events))]
    return "\n".join(lines) + "\n"


def _fields(payment: PaymentRecord, decimals: Decimals) -> Iterator[tuple[str, str]]:
    yield "state", payment.state
    yield "network", payment.network
    yield "scheme", " ".join(filter(None, (payment.scheme, payment.method)))
    yield "amount", amount_text(payment.amount, payment.asset, decimals)
    if payment.asset != LOVELACE:
        yield "asset", payment.asset
    fee = payment.fee
    yield "fee", "not known" if fee is None else amount_text(fee, LOVELACE, decimals)
    yield "payer", _personal(payment.payer)
    yield "pay to", payment.pay_to or "not known"
    yield "resource", _personal(payment.resource)
    yield "identifier", _personal(payment.identifier, "none")
    yield "caller", payment.caller or "without an API key"
    yield "client", _personal(payment.client)
    yield "request", payment.request_id or "not known"
    yield "promised", _promise(payment.confirmations)
    if payment.block is not None:
        yield "block", f"{payment.block_height}, slot {payment.block_slot}"
        yield "its hash", payment.block


def _promise(confirmations: int) -> str:
    if confirmations < 0:
        return "success once a node accepts it"
    return f"success at depth {confirmations}"


def _personal(value: str | None, otherwise: str = "not known") -> str:
    return "erased" if value is None else value or otherwise
