"""What must not be of payments that nothing disturbed. Pure."""

from collections.abc import Iterator

from chaos.history import PENDING, Call, History
from chaos.violations import Kind, Violation

LATE_SECONDS = 9.0
"""How long a settlement may be deep enough without a caller's knowing: until a leader that was
killed is missed, and another has read the blocks since."""
TURN_SECONDS = 1.0
"""How much earlier than it would have waited for a caller may be answered."""


def quiet_violations(history: History) -> Iterator[Violation]:
    """Find what is wrong with the payments that were first sent in quiet times."""
    quiet = history.quiet
    if quiet is None:
        return
    for calls in history.calls_by_transaction.values():
        if min(call.sent for call in calls) < quiet.since:
            continue
        for call in calls:
            if call.ended <= quiet.until and not call.is_conclusive:
                yield from _late(history, call)
                yield from _turned_away(call)


def _late(history: History, call: Call) -> Iterator[Violation]:
    since = history.deep_since(call.transaction, call.confirmations)
    if since is not None and call.ended - since >= LATE_SECONDS:
        what = f"{call.status} {call.reason}, {call.ended - since:.1f} s after it was deep enough"
        yield Violation(Kind.LATE, call.transaction, what)


def _turned_away(call: Call) -> Iterator[Violation]:
    waited = call.ended - call.sent
    if call.reason == PENDING and waited < call.wait_seconds - TURN_SECONDS:
        what = f"pending after {waited:.1f} s of {call.wait_seconds:.0f}: {call.answer}"
        yield Violation(Kind.TURNED_AWAY, call.transaction, what)
