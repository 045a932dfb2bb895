"""Holds a history to what was promised. Pure: a history in, violations out."""

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import chain
from typing import NamedTuple

from chaos.history import CONFLICT, EXPIRED, REJECTED, Call, History
from chaos.ledger_rules import ledger_violations
from chaos.naming_rules import naming_violations
from chaos.quiet_rules import quiet_violations
from chaos.violations import Kind, Violation

STALE_SECONDS = 7.0
"""How old what a facilitator knows of the chain may be: two polls of one second, and the slack that
a follower allows itself (``facilitator.chain.follower``)."""
NOTICE_SECONDS = 6.0
"""How long a facilitator that is busy, or stopped, may take a caller for there that has hung up."""
FINAL = {"settled", "rejected", "expired"}
TWICE = (Kind.DELIVERED_TWICE, Kind.LEAKED)


class Verdict(NamedTuple):
    """What was found."""

    violations: Sequence[Violation]
    excused: Sequence[Violation]
    """Those that a storage caused that forgot what it had acknowledged, as is documented of it."""


def check(history: History, stale_seconds: float = STALE_SECONDS) -> Verdict:
    """Everything that is wrong with a history that is over."""
    violations: list[Violation] = []
    excused: list[Violation] = []
    own = partial(_violations, stale_seconds)
    rules = (own, naming_violations, quiet_violations, ledger_violations)
    for found in chain.from_iterable(rule(history) for rule in rules):
        (excused if _may_be_lost(history, found) else violations).append(found)
    return Verdict(violations, excused)


def _violations(stale_seconds: float, history: History) -> Iterator[Violation]:
    for transaction, calls in history.calls_by_transaction.items():
        successes = [call for call in calls if call.is_success]
        yield from _faults(calls)
        yield from _repeats(successes)
        if successes:
            yield from _early(history, successes[0], calls, stale_seconds)
        yield from _without_an_end(history, transaction, calls)
        yield from _misjudged(history, transaction, calls)
        if not successes and "settled" in history.claims.get(transaction, ()):
            yield from _undelivered(history, transaction, calls)
    for transaction in history.stays:
        if transaction not in history.claims and transaction not in history.elsewhere:
            calls = history.calls_by_transaction.get(transaction, ())
            yield Violation(Kind.UNCLAIMED, transaction, "in a block, and not claimed", calls)


def _faults(calls: Sequence[Call]) -> Iterator[Violation]:
    for call in calls:
        if call.status not in (None, 200, 503, CONFLICT):
            yield Violation(Kind.FAULT, call.transaction, f"status {call.status}: {call.answer}")


def _repeats(successes: Sequence[Call]) -> Iterator[Violation]:
    """Only the key that got the success gets it again, with the same body and unchanged."""
    for again in successes[1:]:
        first = successes[0]
        if first.key is None or again.asker != first.asker:
            what = f"{_receiver(first)}, {_receiver(again)}"
            kind = Kind.DELIVERED_TWICE if again.caller == first.caller else Kind.LEAKED
            yield Violation(kind, again.transaction, what, [first])
        elif again.answer != first.answer:
            what = f"{first.answer}, then {again.answer}"
            yield Violation(Kind.CHANGED, again.transaction, what, [first])


def _receiver(call: Call) -> str:
    return f"to {call.caller} with key {call.key} at {call.ended:.3f}, place {call.place}"


def _early(
    history: History, success: Call, calls: Sequence[Call], stale_seconds: float
) -> Iterator[Violation]:
    """The promise held at some moment between the question and the answer, as far as is known.

    A key receives again what an earlier call of its own was sent, whose answer was lost.
    """
    own = [
        success,
        *(call for call in calls if success.key is not None and call.asker == success.asker),
    ]
    since = min(call.sent for call in own) - stale_seconds
    depth = history.depth(success.transaction, since, success.ended)
    claimed = success.answer["extra"]["confirmations"]
    if depth is None or depth < success.confirmations or claimed < success.confirmations:
        what = f"promised {success.confirmations}, reported {claimed}, in the chain {depth}"
        yield Violation(Kind.DELIVERED_EARLY, success.transaction, what)


def _without_an_end(
    history: History, transaction: str, calls: Sequence[Call]
) -> Iterator[Violation]:
    for state in sorted(set(history.claims.get(transaction, ())) - FINAL):
        yield Violation(Kind.ENDLESS, transaction, f"its claim is {state} at the end")
    last = {call.asker: call for call in calls if not call.is_last}
    for call in last.values():
        if not call.is_conclusive:
            what = f"the last answer to {call.key} is {call.status} {call.reason}"
            yield Violation(Kind.ENDLESS, transaction, what)


def _misjudged(history: History, transaction: str, calls: Sequence[Call]) -> Iterator[Violation]:
    states, landed = set(history.claims.get(transaction, ())), history.is_in_chain(transaction)
    promised = min(call.confirmations for call in calls)
    given_up = {call.reason for call in calls} & {REJECTED, EXPIRED}
    if landed and (given_up or states & {"rejected", "expired"}):
        answers = sorted(map(str, given_up))
        what = f"it is in the chain; its claim is {sorted(states)}, its callers got {answers}"
        yield Violation(Kind.MISJUDGED, transaction, what, calls)
    if "settled" in states:
        depth = history.depth(transaction, 0.0, float("inf"))
        if depth is None or depth < promised:
            what = f"settled; it was at most {depth} deep, {promised} are promised"
            yield Violation(Kind.MISJUDGED, transaction, what, calls)


def _undelivered(history: History, transaction: str, calls: Sequence[Call]) -> Iterator[Violation]:
    """With a key it is delivered again; without one it may have gone where no answer came from.

    That is a lost connection, and a storage that failed, for longer than the caller waited, just as
    it was to note that this caller is the one. A caller that was gone before there was a success
    has used up none.
    """
    answered = {call.asker for call in calls if call.is_conclusive and call.key is not None}
    if not any(
        call.asker not in answered and not call.is_conclusive and _may_have_taken(history, call)
        for call in calls
        if call.status != 200
    ):
        yield Violation(Kind.UNDELIVERED, transaction, "settled, and delivered to no caller", calls)


def _may_have_taken(history: History, call: Call) -> bool:
    depth = history.depth(call.transaction, 0.0, call.ended + NOTICE_SECONDS)
    return depth is not None and depth >= call.confirmations


def _may_be_lost(history: History, violation: Violation) -> bool:
    """Whether what was written during one of the calls may have been lost.

    A storage that forgets everything makes no second delivery of what is still in the chain.
    """
    is_second = violation.kind in TWICE and len(history.stays.get(violation.transaction, ())) < 2
    return any(
        call.sent <= loss.until and call.ended >= loss.since
        for loss in history.losses
        if loss.forgets_deliveries or not is_second
        for call in violation.written
    )
