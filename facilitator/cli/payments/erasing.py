"""The command ``facilitator payments erase``."""

import argparse
import sys
from collections.abc import Sequence

from facilitator.cli.payments.opening import Opened, open_ledger
from facilitator.cli.payments.pages import PAGE_SIZE, find_payment, read_payments
from facilitator.cli.payments.texts import time_text
from facilitator.roles.payment_ledger import PaymentQuery
from facilitator.roles.payment_record import PaymentRecord

_ERASED = "payer, resource, client, receiver of the success, identifier, and the rest of the terms"
_REMAINS = (
    "What remains: transaction id, network, scheme, recipient, asset, amount, fee, caller, request"
    " ids, states, times and blocks. The chain shows for ever who paid that transaction."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the ids, ``--payer`` and ``--yes``."""
    parser.description = (
        f"Erase the personal fields of payments for good: {_ERASED}. Those that are not final yet "
        "are left as they are."
    )
    chosen = parser.add_mutually_exclusive_group(required=True)
    chosen.add_argument(
        "ids", metavar="ID", nargs="*", default=[],
        help="beginning of a transaction's id that is unique",
    )  # fmt: skip
    chosen.add_argument("--payer", metavar="ADDRESS", help="all payments of this address")
    parser.add_argument("--yes", action="store_true", help="do not ask")


def run(arguments: argparse.Namespace) -> int:
    """Erase the fields; return the exit code. Raises :class:`FacilitatorError`."""
    with open_ledger(arguments.settings) as opened:
        payments = _chosen(arguments, opened)
        final = [each for each in payments if each.state.is_final and not each.is_erased]
        print(_summary(payments, final))
        if not final:
            return 0
        if not (arguments.yes or _is_confirmed(len(final))):
            print("nothing was erased", file=sys.stderr)
            return 1
        erased = 0
        for part in _batches([each.transaction_id for each in final]):
            erased += opened.ledger.erase(part)
        print(f"Erased: {erased}. {_REMAINS}")
        print(_claims_words(opened, final))
    return 0


def _chosen(arguments: argparse.Namespace, opened: Opened) -> Sequence[PaymentRecord]:
    if arguments.payer:
        return list(read_payments(opened.ledger, PaymentQuery(payer=arguments.payer)))
    found = (find_payment(opened.ledger, each) for each in arguments.ids)
    return list({each.transaction_id: each for each in found}.values())


def _summary(payments: Sequence[PaymentRecord], final: Sequence[PaymentRecord]) -> str:
    parts = [f"{len(payments)} found, {len(final)} to erase"]
    if erased := sum(each.is_erased for each in payments):
        parts.append(f"{erased} erased before")
    if pending := sum(not each.state.is_final for each in payments):
        parts.append(f"{pending} not final yet: erase them once they are")
    return "; ".join(parts)


def _is_confirmed(count: int) -> bool:
    print(f"Erase the personal fields of {count} payments for good? [y/N] ", end="", flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _batches(ids: Sequence[str]) -> Sequence[Sequence[str]]:
    return [ids[start : start + PAGE_SIZE] for start in range(0, len(ids), PAGE_SIZE)]


def _claims_words(opened: Opened, payments: Sequence[PaymentRecord]) -> str:
    """Return until when claims keep what they have of these payments, which settling needs."""
    claims = (opened.storage.claim(each.transaction_id) for each in payments)
    ends = [claim.keep_until for claim in claims if claim is not None]
    if not ends:
        return "No claim of theirs is left."
    return (
        f"The claims of {len(ends)} of them keep transaction, payer and resource until"
        f" {time_text(max(ends))} UTC at the latest, so that no payment is used twice; then a"
        " facilitator that runs removes them."
    )
