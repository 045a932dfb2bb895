"""What the payment ledger says must be what happened to the claims."""

from collections.abc import Iterator, Mapping
from itertools import pairwise

from chaos.history import History, Payment, Recorded
from chaos.violations import Kind, Violation

UNSENT = "claimed"
NEXT: Mapping[str, frozenset[str]] = {
    "submitted": frozenset({"submitted", "included", "settled", "rejected", "expired"}),
    "included": frozenset({"included", "settled", "submitted"}),
    "settled": frozenset({"settled", "included", "submitted"}),
    "rejected": frozenset({"rejected", "included", "settled"}),
    "expired": frozenset({"expired", "included", "settled"}),
}
"""The states that a change leads to. A success that was delivered stays settled, and with the one
that received it, unless it is taken back."""


def ledger_violations(history: History) -> Iterator[Violation]:
    """Each payment whose ledger and claim do not agree, or that cannot have been so."""
    for payment in history.ledger:
        calls = history.calls_by_transaction.get(payment.transaction, ())
        for kind, what in _faults(payment):
            yield Violation(kind, payment.transaction, what, calls)


def _faults(payment: Payment) -> Iterator[tuple[Kind, str]]:
    claim, events = payment.claim, payment.events
    if claim is not None and claim.state != UNSENT:
        if not events:
            yield Kind.UNRECORDED, f"its claim is {claim}, and the ledger knows nothing of it"
        elif events[-1] != claim or payment.shown != claim:
            yield (
                Kind.UNRECORDED,
                f"its claim is {claim}, its last event {events[-1]}, and shown is {payment.shown}",
            )
    for before, after in pairwise(events):
        if after.version > before.version + 1:
            yield Kind.UNRECORDED, f"after {before} comes {after}"
        elif after.version <= before.version or not _may_follow(before, after):
            yield Kind.MISRECORDED, f"after {before} comes {after}"


def _may_follow(before: Recorded, after: Recorded) -> bool:
    if before.delivery != "none" and (before.delivery, before.receiver) != (
        after.delivery,
        after.receiver,
    ):  # the caller was gone: its success is there for another one
        return after.delivery == "none" and after.state == before.state
    if before.delivery != "none" and before.state == "settled":
        return after.state == "settled"
    return after.state in NEXT.get(before.state, ())
