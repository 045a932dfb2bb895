"""The storage in an SQLite file."""

import logging
import sqlite3
from collections.abc import Callable, Sequence

from facilitator.plugin import (
    Claim,
    ClaimState,
    PaymentLedger,
    ReadableClaims,
    Reservation,
    ReservedElsewhere,
)
from facilitator_sqlite.api_keys import SqliteApiKeys
from facilitator_sqlite.database import Database
from facilitator_sqlite.errors import DamagedRow
from facilitator_sqlite.forgetting import forget_some
from facilitator_sqlite.holds import SqliteHolds
from facilitator_sqlite.keys import SqliteKeys
from facilitator_sqlite.ledger import SqliteLedger
from facilitator_sqlite.recording import record_change
from facilitator_sqlite.rows import (
    COLUMNS,
    PLACES,
    Row,
    decode_claim,
    dense,
    encode_claim,
    id_of,
)
from facilitator_sqlite.sharing import SharedChain

_log = logging.getLogger("facilitator.sqlite")

BUSY_SECONDS = 5.0
"""Seconds for which a call waits for other processes' writes."""

# These statements contain constant names and question marks, nothing that was received.
_CLAIM = f"SELECT {COLUMNS} FROM claims WHERE transaction_id = ?"  # noqa: S608
_ADD = f"INSERT INTO claims ({COLUMNS}) VALUES ({PLACES}) ON CONFLICT DO NOTHING"  # noqa: S608
_EXPECTED = "WHERE transaction_id = ? AND version = ? AND nonce = ?"
# The columns of the indexes are apart: what a statement names is written again, with each index.
_CHANGE = f"""
    UPDATE claims SET version = ?, nonce = ?, record = ?
    {_EXPECTED} AND open_since IS ? AND keep_until IS ?
"""  # noqa: S608
_IS_EXPECTED = f"SELECT 1 FROM claims {_EXPECTED}"  # noqa: S608
_MOVE = f"UPDATE claims SET ({COLUMNS}) = ({PLACES}) {_EXPECTED}"  # noqa: S608
_OPEN = f"""
    SELECT {COLUMNS} FROM claims WHERE open_since IS NOT NULL ORDER BY open_since
"""  # noqa: S608
_FIND = "SELECT 1 FROM claims WHERE transaction_id = ?"
_REMOVE = "DELETE FROM claims WHERE transaction_id = ?"


class SqliteStorage(SqliteHolds, SqliteKeys, SqliteApiKeys, SharedChain):
    """A :class:`~facilitator.roles.storage.Storage` for the processes of one machine."""

    is_shared = True
    is_durable = True
    is_prompt = True  # it pauses where it commits

    def __init__(
        self, path: str, busy_seconds: float = BUSY_SECONDS, *, is_trial: bool = False
    ) -> None:
        """Open or create the file; a call waits ``busy_seconds`` at most for others' writes.

        ``is_trial`` is true for one that is closed soon, and need not be noticed by others.

        Raises :class:`~facilitator.roles.storage.StorageUnavailable` when the file is another
        program's, has a newer schema, or cannot be written.
        """
        database = Database(path, busy_seconds, is_trial=is_trial)
        SqliteHolds.__init__(self, database)
        SqliteKeys.__init__(self, database)
        self._readable = ReadableClaims(_log, DamagedRow)

    def add_claim(self, claim: Claim) -> Claim:
        """Write the claim unless its transaction has one; return the one that is now there."""
        row = encode_claim(claim)

        def add(connection: sqlite3.Connection) -> Claim:
            if connection.execute(_ADD, row).rowcount:
                record_change(connection, claim)
                return claim
            return decode_claim(connection.execute(_CLAIM, row[:1]).fetchone())

        return self._database.write(add, durable=_must_be_synced(claim))

    def claim(self, transaction_id: str) -> Claim | None:
        """Return the claim on the transaction, if there is one."""
        return self._database.read(lambda connection: _find_claim(connection, transaction_id))

    def change_claim(self, claim: Claim) -> bool:
        """Write the claim if it was made from the stored one; return True if it is stored now."""
        return self._database.write(_change_to(claim), durable=_must_be_synced(claim))

    def change_claim_and_hold(
        self, claim: Claim, reservation: Reservation, now: float
    ) -> ReservedElsewhere | bool:
        """Change the claim as above and hold the inputs of its settlement, or do neither."""
        hold, change = self._in_file.settling(reservation, now), _change_to(claim)
        expected = _expected(claim)

        def both(connection: sqlite3.Connection) -> ReservedElsewhere | bool:
            if connection.execute(_IS_EXPECTED, expected).fetchone() is not None:
                refusal = hold(connection)
                if refusal is not None:
                    return refusal
            return change(connection)

        outcome = self._database.write(both, durable=_must_be_synced(claim))
        if outcome is True:
            self._end_verified(reservation, now)
        return outcome

    def remove_claim(self, claim: Claim) -> bool:
        """Remove the claim if the stored one equals it; return True if it was removed."""

        def remove(connection: sqlite3.Connection) -> bool:
            if _find_claim(connection, claim.transaction_id) != claim:
                return False
            connection.execute(_REMOVE, (dense(claim.transaction_id),))
            return True

        return self._database.write(remove, durable=_must_be_synced(claim))

    def open_claims(self) -> Sequence[Claim]:
        """Return all claims that are not final, oldest first."""

        def find(connection: sqlite3.Connection) -> list[Claim]:
            rows = connection.execute(_OPEN).fetchall()
            return self._readable.read(rows, decode_claim, id_of)

        return self._database.read(find, is_long=True)

    def forget_claims(self, now: float) -> int:
        """Remove some final claims whose ``keep_until`` has passed; return their number."""
        return self._database.write(lambda connection: forget_some(connection, now), durable=False)

    def ping(self) -> None:
        """Check that the file can be read and written. Raises ``StorageUnavailable`` otherwise."""
        self._database.ping()

    def payment_ledger(self) -> PaymentLedger:
        """Return the ledger in the same file, to which each change of a claim is written."""
        return SqliteLedger(self._database, closes=False)

    def close(self) -> None:
        """Close the file."""
        self._database.close()


def _expected(claim: Claim) -> Row:
    """Return the id, version and nonce of the claim that this one was made from."""
    return dense(claim.transaction_id), claim.version - 1, dense(claim.follows)


def _change_to(claim: Claim) -> Callable[[sqlite3.Connection], bool]:
    """Return the operation that puts the claim in the place of the one that it was made from."""
    row, expected = encode_claim(claim), _expected(claim)
    _, version, nonce, open_since, keep_until, record = row
    kept = (version, nonce, record, *expected, open_since, keep_until)

    def change(connection: sqlite3.Connection) -> bool:
        is_changed = connection.execute(_CHANGE, kept).rowcount == 1
        if is_changed or connection.execute(_MOVE, row + expected).rowcount == 1:
            record_change(connection, claim)
            return True
        return _find_claim(connection, claim.transaction_id) == claim

    return change


def _must_be_synced(claim: Claim) -> bool:
    """Return True for a claim that a loss of power must not undo.

    While it is only claimed nothing was sent, and the sync of its next state is that of this one
    too: the log is written in order.
    """
    return claim.state is not ClaimState.CLAIMED


def _find_claim(connection: sqlite3.Connection, transaction_id: str) -> Claim | None:
    key = (dense(transaction_id),)
    # Reading all columns costs more, and most transactions asked for have no claim.
    if connection.execute(_FIND, key).fetchone() is None:
        return None
    row = connection.execute(_CLAIM, key).fetchone()
    return decode_claim(row) if row else None
