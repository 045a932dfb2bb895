"""The payment ledger of the storage in memory."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from facilitator.plugin import EVERY_PAYMENT, PaymentLedger, Storage
from facilitator.testing.payment_ledger import (
    PaymentLedgerContract,
    RecordsPaymentsContract,
    submitted,
)
from facilitator_memory.ledger import MAX_PAYMENTS, MemoryLedger
from facilitator_memory.storage import MemoryStorage


class TestMemoryLedger(PaymentLedgerContract):
    @pytest.fixture
    def open_ledger(self) -> Callable[[], PaymentLedger]:
        ledger = MemoryLedger()
        return lambda: ledger


class TestMemoryRecordsPayments(RecordsPaymentsContract):
    @pytest.fixture
    def open_storage(self) -> Callable[[], Storage]:
        return MemoryStorage


def test_memory_does_not_grow_for_ever() -> None:
    ledger = MemoryLedger()
    claim = submitted()
    ledger.record(
        [replace(claim, transaction_id=f"{each:064x}") for each in range(MAX_PAYMENTS + 2)]
    )
    assert len(ledger.payments(EVERY_PAYMENT, None, MAX_PAYMENTS + 2)) == MAX_PAYMENTS
    assert ledger.payment(f"{1:064x}") is None
    assert ledger.last_number() == MAX_PAYMENTS + 2
