"""The payment ledger in lists, under one lock."""

import threading
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice

from facilitator.plugin import (
    Claim,
    Cursor,
    PaymentEvent,
    PaymentQuery,
    PaymentRecord,
    Place,
    RefusalCount,
    Total,
    TotalBy,
    is_recorded,
    new_event,
    new_record,
    next_record,
)

MAX_PAYMENTS = 10_000
"""Payments that are kept; the oldest go first, since memory must not grow for ever."""
FORGOTTEN_AT_ONCE = 500


class MemoryLedger:
    """A :class:`~facilitator.roles.payment_ledger.PaymentLedger` that lives as its process does."""

    def __init__(self) -> None:
        """Start empty."""
        self._lock = threading.Lock()
        self._payments: dict[str, PaymentRecord] = {}
        self._events: list[PaymentEvent] = []
        self._recorded: dict[str, set[tuple[int, str]]] = {}
        """Versions and nonces of the changes that were recorded, by transaction."""
        self._number = 0
        self._cursors: dict[str, Cursor] = {}
        self._refusals: dict[tuple[str, str, str, str], RefusalCount] = {}

    def record(self, changes: Sequence[Claim]) -> None:
        """Add an event for each claim."""
        with self._lock:
            for claim in changes:
                if is_recorded(claim):
                    self._record(claim)
            while len(self._payments) > MAX_PAYMENTS:
                self._remove([next(iter(self._payments))])

    def payments(
        self, query: PaymentQuery, before: Place | None, limit: int
    ) -> Sequence[PaymentRecord]:
        """Return the payments that meet the query, newest first."""
        found = sorted(self._meeting(query), key=_place, reverse=True)
        return list(islice((each for each in found if not before or _place(each) < before), limit))

    def payment(self, transaction_id: str) -> PaymentRecord | None:
        """Return the payment, if there is one."""
        with self._lock:
            return self._payments.get(transaction_id)

    def events(self, transaction_id: str) -> Sequence[PaymentEvent]:
        """Return all events of the payment, in their order."""
        with self._lock:
            return [each for each in self._events if each.transaction_id == transaction_id]

    def events_after(self, number: int, limit: int) -> Sequence[PaymentEvent]:
        """Return the events of all payments with greater numbers, the smallest first."""
        with self._lock:
            return list(islice((each for each in self._events if each.number > number), limit))

    def last_number(self) -> int:
        """Return the number of the newest event; 0 if there is none."""
        with self._lock:
            return self._number

    def totals(self, query: PaymentQuery, by: Collection[TotalBy]) -> Sequence[Total]:
        """Return the sums of the payments that meet the query."""
        sums: dict[tuple[str | None, ...], Total] = {}
        for each in self._meeting(query):
            day = None if each.settled_at is None else _day(each.settled_at)
            if day is None and TotalBy.DAY in by:
                continue
            group = Total(
                each.network,
                each.asset,
                day if TotalBy.DAY in by else None,
                each.pay_to if TotalBy.PAY_TO in by else None,
                each.caller if TotalBy.CALLER in by else None,
                count=0,
                amount=0,
                fee=0,
            )
            known = sums.get(_group(group), group)
            sums[_group(group)] = replace(
                known,
                count=known.count + 1,
                amount=known.amount + int(each.amount),
                fee=known.fee + (each.fee or 0),
            )
        return [sums[key] for key in sorted(sums, key=lambda key: [part or "" for part in key])]

    def count_refusals(self, counts: Sequence[RefusalCount]) -> None:
        """Add the counts."""
        with self._lock:
            for each in counts:
                key = (each.day, each.endpoint, each.reason, each.caller)
                known = self._refusals.get(key)
                before = 0 if known is None else known.count
                self._refusals[key] = replace(each, count=before + each.count)

    def refusals(self, since_day: str) -> Sequence[RefusalCount]:
        """Return the counts from that day on, newest day first."""
        with self._lock:
            found = [each for key, each in sorted(self._refusals.items()) if each.day >= since_day]
        return sorted(found, key=lambda each: each.day, reverse=True)

    def cursor(self, name: str) -> Cursor:
        """Return the cursor of this name."""
        with self._lock:
            return self._cursors.get(name, Cursor())

    def move_cursor(self, name: str, before: Cursor, after: Cursor) -> bool:
        """Put ``after`` in the place of ``before``; return True if it stands there now."""
        with self._lock:
            now = self._cursors.get(name, Cursor())
            if now == before:
                self._cursors[name] = after
            return now in (before, after)

    def forget_payments(self, before: float) -> int:
        """Remove some final payments that changed last before that time; return their number."""
        with self._lock:
            old = (
                each.transaction_id
                for each in self._payments.values()
                if each.state.is_final and each.updated_at < before
            )
            forgotten = list(islice(old, FORGOTTEN_AT_ONCE))
            self._remove(forgotten)
            for key in [key for key in self._refusals if key[0] < _day(before)]:
                del self._refusals[key]
        return len(forgotten)

    def erase(self, transaction_ids: Collection[str]) -> int:
        """Erase the personal fields of final payments; return the number of those erased."""
        with self._lock:
            found = [
                payment
                for each in transaction_ids
                if (payment := self._payments.get(each)) is not None
                and payment.state.is_final
                and not payment.is_erased
            ]
            for payment in found:
                self._payments[payment.transaction_id] = replace(
                    payment,
                    payer=None,
                    resource=None,
                    client=None,
                    identifier=None,
                    terms=None,
                    delivered_to=None,
                    is_erased=True,
                )
            erased = {each.transaction_id for each in found}
            self._events = [
                replace(each, delivered_to=None) if each.transaction_id in erased else each
                for each in self._events
            ]
        return len(found)

    def close(self) -> None:
        """Do nothing: the records end with the process."""

    def _meeting(self, query: PaymentQuery) -> Iterator[PaymentRecord]:
        with self._lock:
            every = list(self._payments.values())
        return (each for each in every if _meets(each, query))

    def _record(self, claim: Claim) -> None:
        this, change = claim.transaction_id, (claim.version, claim.nonce)
        recorded = self._recorded.setdefault(this, set())
        if change in recorded:
            return
        recorded.add(change)
        known = self._payments.get(this)
        payment = new_record(claim) if known is None else next_record(known, claim)
        self._payments[this] = payment
        self._number += 1
        self._events.append(new_event(claim, self._number, is_erased=payment.is_erased))

    def _remove(self, transaction_ids: Collection[str]) -> None:
        for each in transaction_ids:
            del self._payments[each], self._recorded[each]
        removed = set(transaction_ids)
        self._events = [each for each in self._events if each.transaction_id not in removed]


def _place(payment: PaymentRecord) -> Place:
    return Place(payment.created_at, payment.transaction_id)


def _day(time: float) -> str:
    return datetime.fromtimestamp(time, UTC).date().isoformat()


def _group(total: Total) -> tuple[str | None, ...]:
    return (total.day, total.network, total.asset, total.pay_to, total.caller)


def _meets(payment: PaymentRecord, query: PaymentQuery) -> bool:
    same = ("network", "payer", "pay_to", "asset", "caller")
    return (
        all(getattr(query, name) in (None, getattr(payment, name)) for name in same)
        and (query.states is None or payment.state in query.states)
        and (query.resource is None or (payment.resource or "").startswith(query.resource))
        and (query.since is None or payment.created_at >= query.since)
        and (query.until is None or payment.created_at < query.until)
    )
