"""Violations and their stories, for people."""

from collections.abc import Iterator, Sequence

from chaos.history import Call, History
from chaos.violations import Violation


def report(history: History, violations: Sequence[Violation]) -> Iterator[str]:
    """Every violation, then what happened to each transaction that it names, in order."""
    for each in violations:
        yield f"VIOLATION {each}"
    named = [
        transaction
        for each in violations
        for transaction in (each.transaction, *(call.transaction for call in each.written))
    ]
    for transaction in dict.fromkeys(named):
        yield f"story of {transaction}"
        for line in story(history, transaction):
            yield f"    {line}"


def story(history: History, transaction: str) -> Sequence[str]:
    """What happened to a transaction, in order."""
    calls = history.calls_by_transaction.get(transaction, ())
    asked = [(call.ended, _answer(call)) for call in calls]
    stays = [
        (stay.since, f"in block {stay.height} until {stay.until:.2f}")
        for stay in history.stays.get(transaction, ())
    ]
    return [f"{at:.2f} {what}" for at, what in sorted(asked + stays)]


def _answer(call: Call) -> str:
    extra = call.answer.get("extra", {})
    known = {each: extra[each] for each in ("confirmations", "transactionId") if each in extra}
    result = "success" if call.is_success else call.reason
    who = f"{call.caller} at {call.place}, key {call.key}, name {call.offer.identifier}"
    message = call.answer.get("errorMessage", "")
    return f"{who}, asked {call.sent:.2f}: {call.status} {result} {known} {message}"
