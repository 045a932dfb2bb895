"""The payment ledger in the SQLite file: see :mod:`facilitator.roles.payment_ledger`."""

import sqlite3
from collections.abc import Collection, Sequence
from dataclasses import astuple
from datetime import UTC, datetime
from typing import Any

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
)
from facilitator_sqlite.database import Database
from facilitator_sqlite.ledger_rows import (
    EVENT_COLUMNS,
    PAYMENT_COLUMNS,
    conditions,
    decode_event,
    decode_payment,
)
from facilitator_sqlite.recording import record_change

FORGOTTEN_AT_ONCE = 200
"""Payments that a call removes."""

# These statements contain constant names and question marks, nothing that was received.
_PAYMENT = f"SELECT {PAYMENT_COLUMNS} FROM payments WHERE transaction_id = ?"  # noqa: S608
_EVENTS = f"""
    SELECT {EVENT_COLUMNS} FROM (
        SELECT payment_events.*, transaction_id FROM payment_events
        JOIN payments ON payments.number = payment
    )
"""  # noqa: S608
_CURSOR = "SELECT number, holder, beat FROM cursors WHERE name = ?"
_COUNT = """
    INSERT INTO refusals VALUES (?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET count = count + excluded.count, last_at = excluded.last_at,
    sample = excluded.sample
"""
# A payment was claimed before it changed: the index by age leads to the old ones.
_FORGET = """
    DELETE FROM payments WHERE number IN (
        SELECT number FROM payments
        WHERE state IN ('settled', 'rejected', 'expired') AND updated_at < ? AND created_at < ?
        ORDER BY created_at LIMIT ?
    ) RETURNING number
"""
_ERASE = """
    UPDATE payments SET payer = NULL, resource = NULL, client = NULL, identifier = NULL,
        terms = NULL, delivered_to = NULL, is_erased = 1
    WHERE transaction_id = ? AND NOT is_erased AND state IN ('settled', 'rejected', 'expired')
    RETURNING number
"""
# A sum of amounts may exceed 64 bits, so the digits above the ninth are added up apart.
_SUMS = """
    count(*), sum(CAST(substr(amount, 1, max(length(amount) - 9, 0)) AS INTEGER)),
    sum(CAST(substr(amount, -9) AS INTEGER)), sum(coalesce(fee, 0))
"""
_DAY = "date(settled_at, 'unixepoch')"


class SqliteLedger:
    """A :class:`~facilitator.roles.payment_ledger.PaymentLedger` in a file.

    The storage in the same file adds to it as well, with each change: see
    :func:`~facilitator_sqlite.recording.record_change`.
    """

    def __init__(self, database: Database, *, closes: bool = True) -> None:
        """Use the file; ``closes`` is False if it is the storage's, which closes it."""
        self._database = database
        self._closes = closes

    def record(self, changes: Sequence[Claim]) -> None:
        """Add an event for each claim."""

        def record(connection: sqlite3.Connection) -> None:
            for claim in changes:
                record_change(connection, claim)

        self._database.write(record, durable=True)

    def payments(
        self, query: PaymentQuery, before: Place | None, limit: int
    ) -> Sequence[PaymentRecord]:
        """Return the payments that meet the query, newest first."""
        condition, values = conditions(query)
        if before is not None:
            condition += " AND (created_at, transaction_id) < (?, ?)"
            values += before
        rows = self._rows(
            f"SELECT {PAYMENT_COLUMNS} FROM payments WHERE {condition}"  # noqa: S608
            " ORDER BY created_at DESC, transaction_id DESC LIMIT ?",
            *values,
            limit,
        )
        return [decode_payment(row) for row in rows]

    def payment(self, transaction_id: str) -> PaymentRecord | None:
        """Return the payment, if there is one."""
        rows = self._rows(_PAYMENT, transaction_id)
        return decode_payment(rows[0]) if rows else None

    def events(self, transaction_id: str) -> Sequence[PaymentEvent]:
        """Return all events of the payment, in their order."""
        order = " WHERE transaction_id = ? ORDER BY number"
        return [decode_event(row) for row in self._rows(_EVENTS + order, transaction_id)]

    def events_after(self, number: int, limit: int) -> Sequence[PaymentEvent]:
        """Return the events of all payments with greater numbers, the smallest first."""
        order = " WHERE number > ? ORDER BY number LIMIT ?"
        return [decode_event(row) for row in self._rows(_EVENTS + order, number, limit)]

    def last_number(self) -> int:
        """Return the number of the newest event; 0 if there is none."""
        ((number,),) = self._rows("SELECT coalesce(max(number), 0) FROM payment_events")
        return int(number)

    def totals(self, query: PaymentQuery, by: Collection[TotalBy]) -> Sequence[Total]:
        """Return the sums of the payments that meet the query."""
        condition, values = conditions(query)
        columns = [
            _DAY if TotalBy.DAY in by else "NULL",
            "pay_to" if TotalBy.PAY_TO in by else "NULL",
            "caller" if TotalBy.CALLER in by else "NULL",
        ]
        if TotalBy.DAY in by:
            condition += " AND settled_at IS NOT NULL"
        rows = self._rows(
            f"SELECT network, asset, {', '.join(columns)}, {_SUMS} FROM payments"  # noqa: S608
            f" WHERE {condition} GROUP BY 1, 2, 3, 4, 5 ORDER BY 3, 1, 2, 4, 5",
            *values,
        )
        return [
            Total(network, asset, day, pay_to, caller, count, high * 10**9 + low, fee)
            for network, asset, day, pay_to, caller, count, high, low, fee in rows
        ]

    def count_refusals(self, counts: Sequence[RefusalCount]) -> None:
        """Add the counts."""
        rows = [astuple(each) for each in counts]
        self._database.write(lambda each: each.executemany(_COUNT, rows), durable=False)

    def refusals(self, since_day: str) -> Sequence[RefusalCount]:
        """Return the counts from that day on, newest day first."""
        order = "SELECT * FROM refusals WHERE day >= ? ORDER BY day DESC, endpoint, reason, caller"
        return [RefusalCount(*row) for row in self._rows(order, since_day)]

    def cursor(self, name: str) -> Cursor:
        """Return the cursor of this name."""
        rows = self._rows(_CURSOR, name)
        return Cursor(*rows[0]) if rows else Cursor()

    def move_cursor(self, name: str, before: Cursor, after: Cursor) -> bool:
        """Put ``after`` in the place of ``before``; return True if it stands there now."""

        def move(connection: sqlite3.Connection) -> bool:
            row = connection.execute(_CURSOR, (name,)).fetchone()
            now = Cursor(*row) if row else Cursor()
            if now == before:
                connection.execute("REPLACE INTO cursors VALUES (?, ?, ?, ?)", (name, *after))
            return now in (before, after)

        return self._database.write(move, durable=False)

    def forget_payments(self, before: float) -> int:
        """Remove some final payments that changed last before that time; return their number."""
        day = datetime.fromtimestamp(before, UTC).date().isoformat()

        def forget(connection: sqlite3.Connection) -> int:
            numbers = connection.execute(_FORGET, (before, before, FORGOTTEN_AT_ONCE)).fetchall()
            connection.executemany("DELETE FROM payment_events WHERE payment = ?", numbers)
            connection.execute("DELETE FROM refusals WHERE day < ?", (day,))
            return len(numbers)

        return self._database.write(forget, durable=False)

    def erase(self, transaction_ids: Collection[str]) -> int:
        """Erase the personal fields of final payments; return the number of those erased."""

        def erase(connection: sqlite3.Connection) -> int:
            erased = 0
            for each in transaction_ids:
                for row in connection.execute(_ERASE, (each,)).fetchall():
                    connection.execute(
                        "UPDATE payment_events SET delivered_to = NULL WHERE payment = ?", row
                    )
                    erased += 1
            return erased

        return self._database.write(erase, durable=True)

    def close(self) -> None:
        """Close the file, if it is not the storage's."""
        if self._closes:
            self._database.close()

    def _rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        return self._database.read_ledger(
            lambda connection: connection.execute(statement, values).fetchall()
        )
