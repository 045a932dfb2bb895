"""The payment ledger in the file of the storage, and in one of its own."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from facilitator.plugin import EVERY_PAYMENT, ClaimState, PaymentLedger, PaymentQuery, Storage
from facilitator.testing.payment_ledger import PaymentLedgerContract, RecordsPaymentsContract
from facilitator_sqlite.database import Database
from facilitator_sqlite.ledger import SqliteLedger
from facilitator_sqlite.ledger_rows import conditions
from facilitator_sqlite.storage import SqliteStorage


class TestSqliteLedger(PaymentLedgerContract):
    @pytest.fixture
    def open_ledger(self, tmp_path: Path) -> Callable[[], PaymentLedger]:
        return lambda: SqliteLedger(Database(str(tmp_path / "ledger.db"), busy_seconds=5.0))


class TestSqliteRecordsPayments(RecordsPaymentsContract):
    @pytest.fixture
    def open_storage(self, tmp_path: Path) -> Callable[[], Storage]:
        return lambda: SqliteStorage(str(tmp_path / "facilitator.db"))


@pytest.mark.parametrize(
    ("query", "index"),
    [
        (EVERY_PAYMENT, "payments_by_age"),
        (PaymentQuery(payer="one"), "payments_by_payer (<expr>=?)"),
        (
            PaymentQuery(pay_to="one", since=1.0),
            "payments_by_recipient (<expr>=? AND created_at>?)",
        ),
        (PaymentQuery(asset="one", caller="two", until=1.0), "payments_by_age (created_at<?)"),
        (PaymentQuery(resource="one"), "payments_by_age"),
        (PaymentQuery(states=frozenset(ClaimState), network="one"), "payments_by_age"),
    ],
)
def test_a_list_reads_an_index_that_has_its_filter(
    path: Path, query: PaymentQuery, index: str
) -> None:
    """Of the table it reads only the payments that match."""
    SqliteStorage(str(path)).close()
    condition, values = conditions(query)
    plan = f"""
        EXPLAIN QUERY PLAN SELECT * FROM payments WHERE {condition}
        ORDER BY created_at DESC, transaction_id DESC LIMIT 50
    """
    with closing(sqlite3.connect(path)) as connection:
        steps = [row[3] for row in connection.execute(plan, [str(each) for each in values])]
        indexed = {row[2] for row in connection.execute("PRAGMA index_info(payments_by_age)")}
    assert f"USING INDEX {index}" in steps[0]
    assert {"state", "network", "asset", "caller", "resource"} <= indexed
