"""The payment ledger in PostgreSQL: see :mod:`facilitator.roles.payment_ledger`."""

from collections.abc import Callable, Collection, Sequence
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
from facilitator_postgres.address import Address
from facilitator_postgres.database import Database
from facilitator_postgres.ledger_rows import (
    EVENT_COLUMNS,
    PAYMENT_COLUMNS,
    conditions,
    decode_event,
    decode_payment,
    encode_changes,
)
from facilitator_postgres.rows import Row, escape, unescape

FORGOTTEN_AT_ONCE = 500
"""Payments that a call removes."""

# These statements contain constant names and parameters, nothing that was received.
_RECORD = "SELECT {schema}.record_outbox(%s::jsonb)"
_PAYMENTS = f"SELECT {PAYMENT_COLUMNS} FROM {{schema}}.payments WHERE "  # noqa: S608
_NEWEST_FIRST = " ORDER BY created_at DESC, transaction_id DESC LIMIT %s"
_EVENTS = f"""
    SELECT {EVENT_COLUMNS} FROM {{schema}}.payment_events e
    JOIN {{schema}}.payments p ON p.number = e.payment
"""  # noqa: S608
_LAST = "SELECT {schema}.last_event()"
_DAY = "to_char(to_timestamp(settled_at) AT TIME ZONE 'UTC', 'YYYY-MM-DD') COLLATE \"C\""
_SUMS = "count(*), sum(amount::numeric), sum(coalesce(fee, 0))"
_CURSOR = "SELECT number, holder, beat FROM {schema}.cursors WHERE name = %s"
_MOVE_CURSOR = """
    UPDATE {schema}.cursors SET (number, holder, beat) = ROW (%s, %s, %s)
    WHERE name = %s AND number = %s AND holder = %s AND beat = %s RETURNING 1
"""
_PLACE_CURSOR = """
    INSERT INTO {schema}.cursors AS c VALUES (%s, %s, %s, %s)
    ON CONFLICT (name) DO UPDATE
    SET number = excluded.number, holder = excluded.holder, beat = excluded.beat
    WHERE c.number = %s AND c.holder = %s AND c.beat = %s RETURNING 1
"""
_COUNT = """
    INSERT INTO {schema}.refusals AS r SELECT * FROM unnest(
        %s::text[], %s::text[], %s::text[], %s::text[], %s::bigint[], %s::float8[], %s::text[]
    )
    ON CONFLICT (day, endpoint, reason, caller) DO UPDATE SET count = r.count + excluded.count,
    last_at = excluded.last_at, sample = excluded.sample
"""
_REFUSALS = """
    SELECT day, endpoint, reason, caller, count, last_at, sample FROM {schema}.refusals
    WHERE day >= %s ORDER BY day DESC, endpoint, reason, caller
"""
# A payment was claimed before it changed: the index by age leads to the old ones.
_FORGET = """
    WITH old AS MATERIALIZED (
        SELECT number FROM {schema}.payments
        WHERE state IN ('settled', 'rejected', 'expired') AND updated_at < %s AND created_at < %s
        ORDER BY created_at LIMIT %s FOR UPDATE SKIP LOCKED
    ), days AS (
        DELETE FROM {schema}.refusals WHERE day < %s
    ), events AS (
        DELETE FROM {schema}.payment_events WHERE payment IN (SELECT number FROM old)
    )
    DELETE FROM {schema}.payments WHERE number IN (SELECT number FROM old) RETURNING 1
"""
_ERASE = """
    WITH erased AS (
        UPDATE {schema}.payments SET payer = NULL, resource = NULL, client = NULL,
            identifier = NULL, terms = NULL, delivered_to = NULL, is_erased = true
        WHERE transaction_id = ANY (%s) AND NOT is_erased
        AND state IN ('settled', 'rejected', 'expired') RETURNING number
    ), events AS (
        UPDATE {schema}.payment_events SET delivered_to = NULL
        WHERE payment IN (SELECT number FROM erased)
    )
    SELECT count(*) FROM erased
"""


class PostgresLedger:
    """A :class:`~facilitator.roles.payment_ledger.PaymentLedger` in a database.

    If the storage is in the same database, its statements call ``record_changes`` themselves.
    """

    def __init__(
        self,
        database: Database,
        reports: Database,
        *,
        prepare: Callable[[], None] | None = None,
        closes: bool = True,
    ) -> None:
        """Write through the one, and read through the other, whose reads may take long.

        Args:
            database: The database with the tables.
            reports: The same database.
            prepare: Makes the tables; called before anything else until it returns.
            closes: False if both are the storage's, which closes them.
        """
        self._database = database
        self._reports = reports
        self._prepare = prepare
        self._closes = closes

    def prepare(self) -> None:
        """Make the tables, unless they are known to be there. Raises ``StorageUnavailable``."""
        if (prepare := self._prepare) is not None:
            prepare()
            self._prepare = None

    def record(self, changes: Sequence[Claim]) -> None:
        """Add an event for each claim."""
        self._change(_RECORD, encode_changes(changes))

    def payments(
        self, query: PaymentQuery, before: Place | None, limit: int
    ) -> Sequence[PaymentRecord]:
        """Return the payments that meet the query, newest first."""
        condition, values = conditions(query)
        if before is not None:
            condition += " AND (created_at, transaction_id) < (%s, %s)"
            values += [before.created_at, escape(before.transaction_id)]
        rows = self._read(_PAYMENTS + condition + _NEWEST_FIRST, *values, limit)
        return [decode_payment(row) for row in rows]

    def payment(self, transaction_id: str) -> PaymentRecord | None:
        """Return the payment, if there is one."""
        rows = self._read(_PAYMENTS + "transaction_id = %s", escape(transaction_id))
        return decode_payment(rows[0]) if rows else None

    def events(self, transaction_id: str) -> Sequence[PaymentEvent]:
        """Return all events of the payment, in their order."""
        order = " WHERE p.transaction_id = %s ORDER BY e.number"
        rows = self._read(_EVENTS + order, escape(transaction_id))
        return [decode_event(row) for row in rows]

    def events_after(self, number: int, limit: int) -> Sequence[PaymentEvent]:
        """Return the events of all payments with greater numbers, the smallest first.

        Those that another transaction may still precede come with a later call.
        """
        last = self.last_number()
        if last <= number:
            return []
        order = " WHERE e.number > %s AND e.number <= %s ORDER BY e.number LIMIT %s"
        rows = self._read(_EVENTS + order, number, last, limit)
        return [decode_event(row) for row in rows]

    def last_number(self) -> int:
        """Return the number of the newest event after which no smaller one comes."""
        ((number,),) = self._read(_LAST)
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
        rows = self._read(
            f"SELECT network, asset, {', '.join(columns)}, {_SUMS} FROM {{schema}}.payments"  # noqa: S608
            f" WHERE {condition} GROUP BY 1, 2, 3, 4, 5 ORDER BY 3, 1, 2, 4, 5",
            *values,
        )
        return [_total(row) for row in rows]

    def count_refusals(self, counts: Sequence[RefusalCount]) -> None:
        """Add the counts."""
        added: dict[tuple[str, ...], RefusalCount] = {}
        for each in counts:
            key = (each.day, escape(each.endpoint), escape(each.reason), escape(each.caller))
            added[key] = each if key not in added else _sum(added[key], each)
        # In one order for all: two calls that wait for each other's rows would go on for ever.
        rows = [
            (*key, each.count, each.last_at, escape(each.sample)) for key, each in added.items()
        ]
        columns: list[list[Any]] = [list(each) for each in zip(*sorted(rows), strict=True)]
        if columns:
            self._change(_COUNT, *columns, repeatable=False)

    def refusals(self, since_day: str) -> Sequence[RefusalCount]:
        """Return the counts from that day on, newest day first."""
        rows = self._read(_REFUSALS, since_day)
        return [RefusalCount(*map(_unescape, row)) for row in rows]

    def cursor(self, name: str) -> Cursor:
        """Return the cursor of this name."""
        rows = self._read(_CURSOR, escape(name))
        return Cursor(*map(_unescape, rows[0])) if rows else Cursor()

    def move_cursor(self, name: str, before: Cursor, after: Cursor) -> bool:
        """Put ``after`` in the place of ``before``; return True if it stands there now."""
        key, place, seen = escape(name), _encode(after), _encode(before)
        if before == Cursor():
            moved = self._change(_PLACE_CURSOR, key, *place, *seen)
        else:
            moved = self._change(_MOVE_CURSOR, *place, key, *seen)
        return bool(moved) or self.cursor(name) == after

    def forget_payments(self, before: float) -> int:
        """Remove some final payments that changed last before that time; return their number."""
        day = datetime.fromtimestamp(before, UTC).date().isoformat()
        limits = (before, before, FORGOTTEN_AT_ONCE, day)
        return len(self._change(_FORGET, *limits, repeatable=False))

    def erase(self, transaction_ids: Collection[str]) -> int:
        """Erase the personal fields of final payments; return the number of those erased."""
        wanted = [escape(each) for each in transaction_ids]
        ((erased,),) = self._change(_ERASE, wanted, repeatable=False)
        return int(erased)

    def change_login(self, address: Address) -> None:
        """Connect by this address, of the same database, from now on; no call is broken off."""
        for each in (self._database, self._reports):
            each.change_login(address)

    def close(self) -> None:
        """Close the connections, if they are not the storage's."""
        if self._closes:
            self._reports.close()
            self._database.close()

    def _read(self, statement: str, *values: Any) -> list[Row]:
        self.prepare()
        return self._reports.read(statement, *values)

    def _change(self, statement: str, *values: Any, repeatable: bool = True) -> list[Row]:
        self.prepare()
        return self._database.change(statement, *values, repeatable=repeatable)


def _encode(cursor: Cursor) -> Row:
    return (cursor.number, escape(cursor.holder), cursor.beat)


def _total(row: Row) -> Total:
    network, asset, day, pay_to, caller, count, amount, fee = map(_unescape, row)
    return Total(network, asset, day, pay_to, caller, count, int(amount), int(fee))


def _sum(one: RefusalCount, other: RefusalCount) -> RefusalCount:
    return RefusalCount(
        *(one.day, one.endpoint, one.reason, one.caller),
        count=one.count + other.count,
        last_at=other.last_at,
        sample=other.sample,
    )


def _unescape(value: Any) -> Any:
    return unescape(value) if isinstance(value, str) else value
