"""What must not be of names that payers and callers choose, and of inputs that are held. Pure."""

from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping
from itertools import chain

from chaos.history import CONFLICT, DUPLICATE, HELD, Call, History
from chaos.violations import Kind, Violation

HELD_SECONDS = 10.0
"""How long a settlement that was cut off may keep what it held: its lease, and time to find it."""


def naming_violations(history: History) -> Iterator[Violation]:
    """Find what is wrong with keys, identifiers and holds."""
    yield from _conflicts(history)
    yield from _paid_twice(history)
    yield from _misnamed(history)
    yield from _held(history)


def _conflicts(history: History) -> Iterator[Violation]:
    """A key is refused only if its own caller has used it with another body."""
    users = _group(history.calls, lambda call: call.key_in_space)
    for call in history.calls:
        if call.status != CONFLICT:
            continue
        others = [each for each in users[call.key_in_space] if each.offer.body != call.offer.body]
        if call.key is None or not _is_explained(history, call, others):
            what = f"409 to {call.caller} for its key {call.key}, which it used for nothing else"
            yield Violation(Kind.FAULT, call.transaction, what, others)


def _paid_twice(history: History) -> Iterator[Violation]:
    successes = [call for call in history.calls if call.is_success and call.offer.identifier]
    for calls in _group(successes, lambda call: call.name).values():
        first = min(calls, key=lambda call: call.ended)
        for transaction in {call.transaction for call in calls} - {first.transaction}:
            what = f"{first.transaction} had succeeded under {first.offer.identifier}"
            written = history.calls_by_transaction[first.transaction]
            yield Violation(Kind.PAID_TWICE, transaction, what, written)


def _misnamed(history: History) -> Iterator[Violation]:
    """An identifier is refused only for another payment under it, of the same owner."""
    users = _group(chain(history.calls, history.verdicts), lambda call: call.name)
    for call in chain(history.calls, history.verdicts):
        holder = call.answer.get("extra", {}).get("transactionId", call.transaction)
        if call.reason != DUPLICATE or holder == call.transaction:
            continue
        namesakes = [each for each in users[call.name] if each.transaction == holder]
        if call.offer.identifier is None or not _is_explained(history, call, namesakes):
            what = f"refused to {call.caller} for {holder}, which does not have its identifier"
            yield Violation(Kind.LOCKED_OUT, call.transaction, what, namesakes)


def _held(history: History) -> Iterator[Violation]:
    """An input is refused only if another settlement has it."""
    rivals: dict[str, list[Call]] = defaultdict(list)
    for call in history.calls:
        for each in call.offer.inputs:
            rivals[each].append(call)
    for call in chain(history.calls, history.verdicts):
        if call.reason != HELD:
            continue
        others = [
            other
            for each in call.offer.inputs
            for other in rivals[each]
            if other.transaction != call.transaction
        ]
        if not _is_explained(history, call, others):
            what = "refused for its inputs, which no other settlement had"
            yield Violation(Kind.LOCKED_OUT, call.transaction, what, others)


def _is_explained(history: History, call: Call, others: Collection[Call]) -> bool:
    """Whether one of the others has taken what was refused, or may have, or was about to."""
    return any(
        other.sent <= call.ended
        and (
            other.transaction in history.known
            or other.overlaps(call)
            or (not other.is_conclusive and call.sent <= other.ended + HELD_SECONDS)
        )
        for other in others
    )


def _group(calls: Iterable[Call], key: Callable[[Call], Hashable]) -> Mapping[Hashable, list[Call]]:
    groups: dict[Hashable, list[Call]] = defaultdict(list)
    for call in calls:
        groups[key(call)].append(call)
    return groups
