"""The command ``facilitator payments watch``."""

import argparse
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from queue import Empty, SimpleQueue

from facilitator.cli.output import add_json_option
from facilitator.cli.payments.amounts import (
    Decimals,
    add_decimals_option,
    amount_text,
    decimals_of,
)
from facilitator.cli.payments.columns import json_line
from facilitator.cli.payments.opening import open_ledger
from facilitator.cli.payments.story import describe_change
from facilitator.cli.payments.texts import shortened, time_text, without_protocol
from facilitator.cli.streams import until_reader_leaves
from facilitator.roles.payment_json import event_json
from facilitator.roles.payment_ledger import PaymentLedger
from facilitator.roles.payment_record import PaymentEvent, PaymentRecord

_PAUSE_SECONDS = 0.5
_PAGE_SIZE = 200
_ID_LENGTH = 8
_RESOURCE_LENGTH = 40


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add ``--decimals`` and ``--json``."""
    parser.description = (
        "Print each event of any payment as it comes, one a line, until SIGINT or SIGTERM."
    )
    add_decimals_option(parser)
    add_json_option(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print events until a signal; return the exit code."""
    decimals = decimals_of(arguments)
    with until_signal() as ends, until_reader_leaves(), open_ledger(arguments.settings) as opened:
        ledger = opened.ledger
        number = ledger.last_number()
        print("watching; Ctrl+C ends it", file=sys.stderr, flush=True)
        while not ends.is_set():
            page = ledger.events_after(number, _PAGE_SIZE)
            for event in page:
                print(_line(ledger, event, decimals, as_json=arguments.json), end="", flush=True)
                number = event.number
            if not page:
                ends.wait(_PAUSE_SECONDS)
    return 0


class End:
    """Set by a signal, at any moment. The lock of an :class:`threading.Event` may be held then."""

    def __init__(self) -> None:
        """Be not set."""
        self._is_set = False
        self._woken: SimpleQueue[None] = SimpleQueue()

    def is_set(self) -> bool:
        """Return True once a signal has come."""
        return self._is_set

    def wait(self, seconds: float) -> None:
        """Wait for a signal, and no longer than so many seconds."""
        with suppress(Empty):
            self._woken.get(timeout=seconds)

    def set(self, number: int, frame: object) -> None:  # noqa: ARG002 -- a signal's handler
        """Be set from now on."""
        self._is_set = True
        self._woken.put(None)


@contextmanager
def until_signal() -> Iterator[End]:
    """Yield what SIGINT and SIGTERM set while the ``with`` block runs."""
    ends = End()
    former = {each: signal.signal(each, ends.set) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield ends
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def _line(ledger: PaymentLedger, event: PaymentEvent, decimals: Decimals, *, as_json: bool) -> str:
    """Return the event's line, with what changed since the event before of the same payment."""
    if as_json:
        return json_line(event_json(event))
    payment = ledger.payment(event.transaction_id)
    if payment is None:  # its retention has ended meanwhile
        return f"{time_text(event.at)}  {event.transaction_id[:_ID_LENGTH]}  {event.state}\n"
    return render_event(payment, ledger.events(event.transaction_id), event, decimals)


def render_event(
    payment: PaymentRecord,
    events: Sequence[PaymentEvent],
    event: PaymentEvent,
    decimals: Decimals,
) -> str:
    """Return one line: time (UTC), id, what happened, the amount, and what was paid for."""
    before = [each for each in events if each.number < event.number]
    what = "; ".join(describe_change(payment, before[-1] if before else None, event))
    resource = shortened(without_protocol(payment.resource or ""), _RESOURCE_LENGTH)
    about = amount_text(payment.amount, payment.asset, decimals)
    about += f" for {resource}" if resource else ""
    return f"{time_text(event.at)}  {event.transaction_id[:_ID_LENGTH]}  {what}  [{about}]\n"
