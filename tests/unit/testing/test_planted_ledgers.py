"""The contract of payment ledgers catches what is planted, and passes what is right."""

from collections.abc import Collection, Mapping, Sequence

import pytest

from facilitator.roles.payment_ledger import EVERY_PAYMENT, PaymentQuery, Place
from facilitator.roles.payment_record import PaymentEvent, PaymentRecord
from facilitator.testing.payment_ledger import PaymentLedgerContract
from facilitator_memory.ledger import MemoryLedger
from support.contracts import failures

pytestmark = pytest.mark.once


class LongPages(MemoryLedger):
    def payments(
        self, query: PaymentQuery, before: Place | None, limit: int
    ) -> Sequence[PaymentRecord]:
        return super().payments(query, before, 10 * limit)


class LongEvents(MemoryLedger):
    def events_after(self, number: int, limit: int) -> Sequence[PaymentEvent]:
        return super().events_after(number, 10 * limit)


class ForgetsAllEvents(MemoryLedger):
    def forget_payments(self, before: float) -> int:
        forgotten = super().forget_payments(before)
        self._events = []
        return forgotten


class KeepsEvents(MemoryLedger):
    def forget_payments(self, before: float) -> int:
        events = self._events
        forgotten = super().forget_payments(before)
        self._events = events
        return forgotten


class ErasesAll(MemoryLedger):
    def erase(self, transaction_ids: Collection[str]) -> int:
        erased = super().erase(transaction_ids)
        super().erase([each.transaction_id for each in self.payments(EVERY_PAYMENT, None, 9)])
        return erased


FORGOTTEN = "test_old_payments_are_forgotten"
PLANTED: Mapping[type[MemoryLedger], str] = {
    LongPages: "test_payments_are_listed_from_the_newest_on",
    LongEvents: "test_events_of_all_payments_come_in_the_order_of_their_numbers",
    ForgetsAllEvents: FORGOTTEN,
    KeepsEvents: FORGOTTEN,
    ErasesAll: "test_personal_fields_are_erased_for_good",
}


@pytest.mark.parametrize("kind", PLANTED)
def test_what_is_planted_is_caught(kind: type[MemoryLedger]) -> None:
    assert failures(PaymentLedgerContract, {"ledger": kind}) == {PLANTED[kind]}


def test_what_is_right_is_not_caught() -> None:
    assert failures(PaymentLedgerContract, {"ledger": MemoryLedger}) == set()
