"""A payment's story in words, from its events."""

from collections.abc import Sequence
from itertools import pairwise

from facilitator.cli.payments.texts import printable, time_text
from facilitator.roles.claim import ClaimState, Delivery
from facilitator.roles.payment_record import PaymentEvent, PaymentRecord


def story_of(payment: PaymentRecord, events: Sequence[PaymentEvent]) -> list[tuple[str, str]]:
    """Return time (UTC) and words for each thing that happened, in its order."""
    changes = pairwise([None, *events])
    return [
        (time_text(event.at), words)
        for before, event in changes
        if event is not None
        for words in describe_change(payment, before, event)
    ]


def describe_change(
    payment: PaymentRecord, before: PaymentEvent | None, event: PaymentEvent
) -> list[str]:
    """Return in words what the event changed since the one before; one sentence at least."""
    words = [
        *_submission(before, event),
        *_block(before, event),
        *_outcome(payment, before, event),
        *_delivery(payment, before, event),
    ]
    return words or ["taken up again: another process or call goes on with it"]


def _submission(before: PaymentEvent | None, event: PaymentEvent) -> list[str]:
    words = []
    if before is None and event.state is ClaimState.SUBMITTED and not event.accepted:
        words.append("announced: the transaction is about to be sent to a node")
    if event.accepted and not (before and before.accepted):
        words.append("accepted by a node")
    is_new = event.error and event.error != (before and before.error)
    if is_new and event.state is ClaimState.SUBMITTED:
        words.append(f"no node took it so far: {printable(event.error or '')}")
    return words


def _block(before: PaymentEvent | None, event: PaymentEvent) -> list[str]:
    earlier = before.block if before else None
    if event.block is None:
        return ["rolled back: its block is not in the chain any more"] if earlier else []
    if event.block != earlier:
        again = "rolled back, and seen again" if earlier else "seen"
        return [f"{again} in {_place(event)}"]
    if before is not None and event.depth != before.depth and event.state is before.state:
        return [f"{_depth(event)} now"]
    return []


def _place(event: PaymentEvent) -> str:
    height = "a block" if event.block_height is None else f"block {event.block_height}"
    return f"{height} at {_depth(event)}"


def _depth(event: PaymentEvent) -> str:
    return "an unknown depth" if event.depth is None else f"depth {event.depth}"


def _outcome(payment: PaymentRecord, before: PaymentEvent | None, event: PaymentEvent) -> list[str]:
    if before is not None and event.state is before.state:
        return []
    match event.state:
        case ClaimState.SETTLED:
            return [f"settled at {_depth(event)}, {_promise(payment.confirmations)}"]
        case ClaimState.REJECTED:
            return [f"rejected: {printable(event.error or 'the reason is not known')}"]
        case ClaimState.EXPIRED:
            return ["expired: its validity ended, and the ledger never recorded it"]
    if before is None or not before.state.is_final:
        return []
    if before.state is ClaimState.SETTLED:
        return ["settled no more: a rollback took it before its success was delivered"]
    return [f"open again: the chain shows what was {before.state}"]


def _promise(confirmations: int) -> str:
    if confirmations < 0:
        return "promised once a node accepted it"
    return f"as promised ({confirmations})"


def _delivery(
    payment: PaymentRecord, before: PaymentEvent | None, event: PaymentEvent
) -> list[str]:
    earlier = before.delivery if before else Delivery.NONE
    if event.delivery is earlier:
        return []
    match event.delivery:
        case Delivery.DELIVERED:
            receiver = "a client that was erased" if payment.is_erased else _client(event)
            request = f" by request {printable(event.delivery_request)}"
            return [f"success delivered to {receiver}{request if event.delivery_request else ''}"]
        case Delivery.UNKNOWN:
            return ["not known any more whether its success was delivered: the record was lost"]
        case Delivery.NONE:
            return ["delivery taken back: the caller was gone before it came"]


def _client(event: PaymentEvent) -> str:
    return printable(event.delivered_to or "") or "a client without a name"
