"""Reading the ledger by pages, and single payments by the beginning of their id."""

from dataclasses import replace

import pytest

from facilitator.cli.payments import pages
from facilitator.cli.payments.pages import PaymentNotFound, find_payment, read_payments
from facilitator.roles.payment_ledger import EVERY_PAYMENT
from facilitator.testing.payment_ledger import NOON, submitted
from facilitator_memory.ledger import MemoryLedger


@pytest.fixture
def ledger() -> MemoryLedger:
    ledger = MemoryLedger()
    ledger.record([submitted(number, NOON + number // 3) for number in range(10)])
    return ledger


@pytest.mark.parametrize("size", [1, 3, 5, 10, 11])
@pytest.mark.parametrize("limit", [None, 1, 3, 5, 9, 10, 20])
def test_pages_have_every_payment_once(
    ledger: MemoryLedger, monkeypatch: pytest.MonkeyPatch, size: int, limit: int | None
) -> None:
    monkeypatch.setattr(pages, "PAGE_SIZE", size)
    found = [each.transaction_id for each in read_payments(ledger, EVERY_PAYMENT, limit)]
    assert found == [f"{number:064x}" for number in reversed(range(10))][:limit]


def test_a_beginning_that_many_ids_have_is_refused(ledger: MemoryLedger) -> None:
    with pytest.raises(PaymentNotFound, match=r"several payments begin with 0+: .*, and others"):
        find_payment(ledger, "0" * 63)
    assert find_payment(ledger, f"{7:064x}").transaction_id == f"{7:064x}"
    ledger.record([replace(submitted(), transaction_id="ab" + "0" * 62)])
    assert find_payment(ledger, "AB").transaction_id.startswith("ab")
    with pytest.raises(PaymentNotFound, match="the ledger has no payment abc"):
        find_payment(ledger, "abc")
    with pytest.raises(PaymentNotFound, match="not the beginning of a transaction's id"):
        find_payment(ledger, "ab%")
