"""The command ``facilitator webhooks``."""

import argparse
import time
from collections.abc import Callable

from facilitator.plugin import iso_time
from facilitator_webhook.event import message_of, sample_message, type_of
from facilitator_webhook.sending import Sender
from facilitator_webhook.settings import WebhookSettings


def prepare(parser: argparse.ArgumentParser) -> Callable[[argparse.Namespace], int]:
    """Add the arguments; return the function that runs the command."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser("test", help="send a message of the type test")
    again = actions.add_parser("redeliver", help="send all events of a payment again")
    again.add_argument("transaction", help="the payment's transaction id")
    return _run


def _run(arguments: argparse.Namespace) -> int:
    with arguments.open_ledger() as opened:
        sender = Sender(opened.context.settings.section(WebhookSettings), time.time)
        if arguments.action == "test":
            return _report("test", sender.send(sample_message(iso_time(time.time()))))
        payment = opened.ledger.payment(arguments.transaction)
        if payment is None:
            print("the ledger has no payment with this transaction")
            return 1
        failed = 0
        for event in opened.ledger.events(payment.transaction_id):
            failed |= _report(type_of(event), sender.send(message_of(event, payment)))
        return failed


def _report(kind: str, failure: str | None) -> int:
    print(f"{kind}: {'delivered' if failure is None else failure}")
    return int(failure is not None)
