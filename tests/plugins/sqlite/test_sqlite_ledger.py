"""The payment ledger in the file of the storage, and in one of its own."""

from collections.abc import Callable
from pathlib import Path

import pytest

from facilitator.plugin import PaymentLedger, Storage
from facilitator.testing.payment_ledger import PaymentLedgerContract, RecordsPaymentsContract
from facilitator_sqlite.database import Database
from facilitator_sqlite.ledger import SqliteLedger
from facilitator_sqlite.storage import SqliteStorage


class TestSqliteLedger(PaymentLedgerContract):
    @pytest.fixture
    def open_ledger(self, tmp_path: Path) -> Callable[[], PaymentLedger]:
        return lambda: SqliteLedger(Database(str(tmp_path / "ledger.db"), busy_seconds=5.0))


class TestSqliteRecordsPayments(RecordsPaymentsContract):
    @pytest.fixture
    def open_storage(self, tmp_path: Path) -> Callable[[], Storage]:
        return lambda: SqliteStorage(str(tmp_path / "facilitator.db"))
