"""The storage in an SQLite file."""

import json
import sqlite3
from collections.abc import Sequence

from facilitator.roles.storage import Reservation, ReservedElsewhere, TooManyReservations
from facilitator.settlement.claim import Claim
from facilitator_sqlite.database import Database
from facilitator_sqlite.rows import COLUMNS, PLACES, claim_of, row_of
from facilitator_sqlite.sharing import SharedChain

# The names and question marks put into these statements are our own, nothing that was received.
_CLAIM = f"SELECT {COLUMNS} FROM claims WHERE transaction_id = ?"  # noqa: S608
_ADD = f"INSERT INTO claims ({COLUMNS}) VALUES ({PLACES}) ON CONFLICT DO NOTHING"  # noqa: S608
_CHANGE = f"""
    UPDATE claims SET ({COLUMNS}) = ({PLACES}) WHERE transaction_id = ? AND version = ?
"""  # noqa: S608
_OPEN = f"""
    SELECT {COLUMNS} FROM claims WHERE state IN ('claimed', 'submitted', 'included')
    ORDER BY created_at
"""  # noqa: S608
_FORGET = """
    DELETE FROM claims WHERE state IN ('settled', 'rejected', 'expired') AND keep_until <= ?
"""
_HELD = """
    SELECT input, transaction_id, expires_at
    FROM json_each(?) AS asked
    JOIN reserved_inputs ON input = asked.value
    JOIN reservations USING (transaction_id)
    WHERE transaction_id != ? AND expires_at > ?
    ORDER BY asked.key LIMIT 1
"""
_COUNT = """
    SELECT count(*) FROM reservations WHERE payer = ? AND transaction_id != ? AND expires_at > ?
"""
_RESERVE = "INSERT INTO reserving VALUES (?, ?, ?, ?, ?, ?)"


class SqliteStorage(SharedChain):
    """A :class:`~facilitator.roles.storage.Storage` for the processes of one machine."""

    is_shared = True
    is_durable = True

    def __init__(self, path: str, busy_seconds: float = 5.0) -> None:
        """Open the file, or make it; a call waits ``busy_seconds`` at most for others' writes.

        Raises :class:`~facilitator.roles.storage.StorageUnavailable` when the file is not ours, is
        of a newer schema, or cannot be written.
        """
        super().__init__(Database(path, busy_seconds))

    def add_claim(self, claim: Claim) -> Claim:
        """Write the claim unless its transaction has one; return the one that is now there."""
        with self._database.writing(durable=True) as connection:
            if connection.execute(_ADD, row_of(claim)).rowcount:
                return claim
            return claim_of(connection.execute(_CLAIM, (claim.transaction_id,)).fetchone())

    def claim(self, transaction_id: str) -> Claim | None:
        """The claim on the transaction, if there is one."""
        with self._database.reading() as connection:
            return _claim(connection, transaction_id)

    def change_claim(self, claim: Claim) -> bool:
        """Write the claim if the stored version is one less; whether it is now the stored one."""
        with self._database.writing(durable=True) as connection:
            expected = (claim.transaction_id, claim.version - 1)
            if connection.execute(_CHANGE, row_of(claim) + expected).rowcount:
                return True
            return _claim(connection, claim.transaction_id) == claim

    def remove_claim(self, claim: Claim) -> bool:
        """Remove the claim if the stored one equals it; whether it was removed."""
        key = (claim.transaction_id,)
        with self._database.writing(durable=True) as connection:
            if _claim(connection, claim.transaction_id) != claim:
                return False
            connection.execute("DELETE FROM claims WHERE transaction_id = ?", key)
            return True

    def open_claims(self) -> Sequence[Claim]:
        """All claims that are not final, oldest first."""
        with self._database.reading() as connection:
            return [claim_of(row) for row in connection.execute(_OPEN).fetchall()]

    def forget_claims(self, now: float) -> int:
        """Remove final claims whose ``keep_until`` has passed; how many."""
        with self._database.writing(durable=False) as connection:
            return connection.execute(_FORGET, (now,)).rowcount

    def reserve(
        self, reservation: Reservation, now: float, limit: int
    ) -> ReservedElsewhere | TooManyReservations | None:
        """Hold the inputs for the transaction; ``None`` on success."""
        while not self._reserve(reservation, now, limit):
            if why := self._why_refused(reservation, now, limit):
                return why
        return None

    def _reserve(self, reservation: Reservation, now: float, limit: int) -> bool:
        inputs = json.dumps(list(reservation.inputs))
        asked = (reservation.transaction_id, reservation.payer, reservation.expires_at)
        with self._database.writing_once() as connection:
            try:
                connection.execute(_RESERVE, (*asked, inputs, now, limit))
            except sqlite3.IntegrityError:
                return False
        return True

    def _why_refused(
        self, reservation: Reservation, now: float, limit: int
    ) -> ReservedElsewhere | TooManyReservations | None:
        """What stands in the way; ``None`` when it has gone meanwhile."""
        inputs, own = json.dumps(list(reservation.inputs)), reservation.transaction_id
        with self._database.reading() as connection:
            elsewhere = connection.execute(_HELD, (inputs, own, now)).fetchone()
        if elsewhere:
            return ReservedElsewhere(*elsewhere)
        with self._database.reading() as connection:
            (held,) = connection.execute(_COUNT, (reservation.payer, own, now)).fetchone()
        return TooManyReservations(held) if held >= limit else None

    def release(self, transaction_id: str) -> None:
        """Let go of the transaction's reservation, if it has one."""
        with self._database.writing(durable=False) as connection:
            _release(connection, transaction_id)

    def bind_key(self, key: str, fingerprint: str, expires_at: float, now: float) -> str:
        """Bind the key to the request unless it is bound; the fingerprint it is bound to."""
        with self._database.writing(durable=False) as connection:
            connection.execute("DELETE FROM idempotency_keys WHERE expires_at <= ?", (now,))
            connection.execute(
                "INSERT INTO idempotency_keys VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                (key, fingerprint, expires_at),
            )
            (bound,) = connection.execute(
                "SELECT fingerprint FROM idempotency_keys WHERE key = ?", (key,)
            ).fetchone()
            return str(bound)

    def ping(self) -> None:
        """Return when the file can be read and is free to be written."""
        with self._database.writing(durable=False) as connection:
            connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()


def _claim(connection: sqlite3.Connection, transaction_id: str) -> Claim | None:
    row = connection.execute(_CLAIM, (transaction_id,)).fetchone()
    return claim_of(row) if row else None


def _release(connection: sqlite3.Connection, transaction_id: str) -> None:
    connection.execute("DELETE FROM reservations WHERE transaction_id = ?", (transaction_id,))
