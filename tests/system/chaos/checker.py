"""Holds a history to what was promised. Pure: a history in, violations out."""

from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import NamedTuple

from chaos.history import EXPIRED, REJECTED, Call, History

STALE_SECONDS = 7.0
"""How old what a facilitator knows of the chain may be: two polls of one second, and the slack that
a follower allows itself (``facilitator.chain.follower``)."""
FINAL = ("settled", "rejected", "expired")


class Kind(StrEnum):
    """What can be wrong."""

    DELIVERED_TWICE = "delivered twice"
    """Two callers received the same success, and not by the same idempotency key."""
    CHANGED = "changed"
    """A key got another answer than before."""
    DELIVERED_EARLY = "delivered early"
    """A success was delivered that was not in the chain as deep as promised."""
    UNCLAIMED = "unclaimed"
    """In the chain, and not in the records."""
    ENDLESS = "endless"
    """A claim that did not end, or a caller that never got a conclusive answer."""
    MISJUDGED = "misjudged"
    """Given up for good, though it is in the chain; or settled, though it never was as promised."""
    UNDELIVERED = "undelivered"
    """Settled, and delivered to no caller, though one could have received it."""
    FAULT = "fault"
    """An answer that is neither a verdict nor "try again"."""


class Violation(NamedTuple):
    """Something that must not be."""

    kind: Kind
    transaction: str
    what: str
    written: Sequence[Call] = ()
    """The calls whose records would have to be lost for it to be the storage's doing."""

    def __str__(self) -> str:
        return f"{self.kind}: {self.transaction}: {self.what}"


class Verdict(NamedTuple):
    """What was found."""

    violations: Sequence[Violation]
    excused: Sequence[Violation]
    """Those that a storage caused that forgot what it had acknowledged, as is documented of it."""


def check(history: History) -> Verdict:
    """Everything that is wrong with a history that is over."""
    violations: list[Violation] = []
    excused: list[Violation] = []
    for found in _violations(history):
        (excused if _may_be_lost(history, found) else violations).append(found)
    return Verdict(violations, excused)


def _violations(history: History) -> Iterator[Violation]:
    for transaction, calls in history.calls_by_transaction.items():
        successes = [call for call in calls if call.is_success]
        yield from _faults(calls)
        yield from _repeats(successes)
        if successes:
            yield from _early(history, successes[0], calls)
        yield from _without_an_end(history, transaction, calls)
        yield from _misjudged(history, transaction, calls)
        if not successes and history.claims.get(transaction) == "settled":
            yield from _undelivered(transaction, calls)
    for transaction in history.stays:
        if transaction not in history.claims and transaction not in history.elsewhere:
            calls = history.calls_by_transaction.get(transaction, ())
            yield Violation(Kind.UNCLAIMED, transaction, "in a block, and not claimed", calls)


def _faults(calls: Sequence[Call]) -> Iterator[Violation]:
    for call in calls:
        if call.status not in (None, 200, 503):
            yield Violation(Kind.FAULT, call.transaction, f"status {call.status}: {call.answer}")


def _repeats(successes: Sequence[Call]) -> Iterator[Violation]:
    """Only the key that got the success gets it again, and unchanged."""
    for again in successes[1:]:
        first = successes[0]
        if first.key is None or again.key != first.key:
            what = f"to {first.key} at {first.ended:.3f}, to {again.key} at {again.ended:.3f}"
            yield Violation(Kind.DELIVERED_TWICE, again.transaction, what, [first])
        elif again.answer != first.answer:
            what = f"{first.answer}, then {again.answer}"
            yield Violation(Kind.CHANGED, again.transaction, what, [first])


def _early(history: History, told: Call, calls: Sequence[Call]) -> Iterator[Violation]:
    """The promise held at some moment between the question and the answer, as far as is known.

    A key is told again what an earlier call of its own was told, whose answer was lost.
    """
    own = [told, *(call for call in calls if told.key is not None and call.key == told.key)]
    since = min(call.sent for call in own) - STALE_SECONDS
    depth = history.depth(told.transaction, since, told.ended)
    claimed = told.answer["extra"]["confirmations"]
    if depth is None or depth < told.confirmations or claimed < told.confirmations:
        what = f"promised {told.confirmations}, told {claimed}, in the chain {depth}"
        yield Violation(Kind.DELIVERED_EARLY, told.transaction, what)


def _without_an_end(
    history: History, transaction: str, calls: Sequence[Call]
) -> Iterator[Violation]:
    state = history.claims.get(transaction)
    if state is not None and state not in FINAL:
        yield Violation(Kind.ENDLESS, transaction, f"its claim is {state} at the end")
    for key in {call.key for call in calls}:
        last = [call for call in calls if call.key == key][-1]
        if not last.is_conclusive:
            what = f"the last answer to {key} is {last.status} {last.reason}"
            yield Violation(Kind.ENDLESS, transaction, what)


def _misjudged(history: History, transaction: str, calls: Sequence[Call]) -> Iterator[Violation]:
    state, landed = history.claims.get(transaction), history.is_in_chain(transaction)
    promised = min(call.confirmations for call in calls)
    given_up = {call.reason for call in calls} & {REJECTED, EXPIRED}
    if landed and (given_up or state in ("rejected", "expired")):
        what = f"it is in the chain; its claim is {state}, told was {sorted(map(str, given_up))}"
        yield Violation(Kind.MISJUDGED, transaction, what, calls)
    if state == "settled":
        depth = history.depth(transaction, 0.0, float("inf"))
        if depth is None or depth < promised:
            what = f"settled; it was at most {depth} deep, {promised} are promised"
            yield Violation(Kind.MISJUDGED, transaction, what, calls)


def _undelivered(transaction: str, calls: Sequence[Call]) -> Iterator[Violation]:
    """With a key the success is told again; without one it may have gone where no answer came from.

    That is a lost connection, and a storage that failed, for longer than the caller waited, just as
    it was to note that this caller is the one.
    """
    answered = {call.key for call in calls if call.is_conclusive and call.key is not None}
    if all(call.status == 200 or call.key in answered for call in calls):
        yield Violation(Kind.UNDELIVERED, transaction, "settled, and delivered to no caller", calls)


def _may_be_lost(history: History, violation: Violation) -> bool:
    """Whether what was written during one of the calls may have been lost."""
    return any(
        call.sent <= loss.until and call.ended >= loss.since
        for loss in history.losses
        for call in violation.written
    )
