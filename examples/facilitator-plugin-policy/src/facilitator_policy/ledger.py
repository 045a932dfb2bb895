"""The sums of each payer and day, in a file that several processes share."""

import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

from facilitator_policy.opening import open_file

DAY_SECONDS = 86_400
HELD_SECONDS = 60.0
"""Time for which a payment counts that passed the gate and was not submitted yet."""
BUSY_SECONDS = 3.0
"""Time to wait for other processes' writes: less than a gate has."""
NO_KEY = b""
"""The payer of transactions that no key has signed."""
_KEEP_DAYS = 3
_LAPSED_SECONDS = 3_600.0
_RELEASED = 0.0
_SCHEMA = (
    # An amount has up to 78 digits, more than SQLite's integers.
    """
    CREATE TABLE IF NOT EXISTS payments (
        transaction_id TEXT NOT NULL,
        payer BLOB NOT NULL,
        day INTEGER NOT NULL,
        asset TEXT NOT NULL,
        amount TEXT NOT NULL,
        counts_until REAL,
        PRIMARY KEY (transaction_id, payer)
    ) WITHOUT ROWID
    """,
    "CREATE INDEX IF NOT EXISTS by_day ON payments (day, payer, asset)",
    """
    CREATE INDEX IF NOT EXISTS by_end ON payments (counts_until) WHERE counts_until IS NOT NULL
    """,
)
_FORGET = "DELETE FROM payments WHERE day < ?"
_FORGET_LAPSED = "DELETE FROM payments WHERE counts_until BETWEEN 1 AND ?"
"""Anyone with a key could fill the file with payments that are never submitted."""
_SUM = """
    SELECT amount FROM payments
    WHERE day = ? AND payer = ? AND asset = ? AND transaction_id <> ?
    AND (counts_until IS NULL OR counts_until > ?)
"""
_HOLD = """
    INSERT INTO payments VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET day = excluded.day, counts_until = excluded.counts_until
    WHERE counts_until IS NOT NULL
"""


@dataclass(frozen=True)
class Spending:
    """A payment as the sums count it."""

    transaction_id: str
    payers: Collection[bytes]
    asset: str
    amount: int


class Ledger:
    """The sums by payer and day. Safe to use from many threads and processes."""

    def __init__(self, path: str, now: Callable[[], float]) -> None:
        """Open the file. Raises :class:`sqlite3.Error`."""
        self._now = now
        self._lock = threading.Lock()
        self._connection = open_file(path, _SCHEMA, BUSY_SECONDS)

    def fits(self, spending: Spending, ceiling: int) -> bool:
        """Return True if the payment stays below each payer's ceiling; nothing is written."""
        with self._lock:
            return self._fits(spending, ceiling)

    def hold(self, spending: Spending, ceiling: int) -> bool:
        """Count the payment, if it stays below each payer's ceiling.

        Look and write are one: of several payments at once, those that fit pass, and no more.
        """
        with self._writing():
            if not self._fits(spending, ceiling):
                return False
            now = self._now()
            self._connection.execute(_FORGET, (_day(now) - _KEEP_DAYS,))
            self._connection.execute(_FORGET_LAPSED, (now - _LAPSED_SECONDS,))
            for payer in spending.payers or (NO_KEY,):
                row = (spending.transaction_id, payer, _day(now), spending.asset)
                self._connection.execute(_HOLD, (*row, str(spending.amount), now + HELD_SECONDS))
            return True

    def keep(self, transaction_id: str) -> None:
        """Count the payment for good: it was submitted."""
        self._set(transaction_id, None)

    def release(self, transaction_id: str) -> None:
        """Count the payment no longer: it did not land."""
        self._set(transaction_id, _RELEASED)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    def _set(self, transaction_id: str, counts_until: float | None) -> None:
        with self._writing():
            self._connection.execute(
                "UPDATE payments SET counts_until = ? WHERE transaction_id = ?",
                (counts_until, transaction_id),
            )

    def _fits(self, spending: Spending, ceiling: int) -> bool:
        return all(
            self._spent(payer, spending) + spending.amount <= ceiling
            for payer in spending.payers or (NO_KEY,)
        )

    def _spent(self, payer: bytes, spending: Spending) -> int:
        now = self._now()
        values = (_day(now), payer, spending.asset, spending.transaction_id, now)
        with closing(self._connection.execute(_SUM, values)) as rows:
            return sum(int(amount) for (amount,) in rows)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")


def _day(seconds: float) -> int:
    """Return the number of the day (UTC)."""
    return int(seconds // DAY_SECONDS)
