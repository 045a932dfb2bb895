"""Reservations of inputs in the file: see the tables and triggers of ``schema.VERSION_3``."""

import hashlib
import sqlite3
from collections.abc import Sequence
from functools import partial

from facilitator.plugin import Reservation, ReservedElsewhere, TooManyReservations
from facilitator_sqlite.database import Database

CLEAN_SECONDS = 10.0
"""The interval at which expired records are removed together: they are spread over many pages."""

_KEY_BYTES = 16
_MANY_INPUTS = 16
"""The most inputs in one statement; with more, one statement each is as good."""

_VALUES = "(?, ?, ?, ?, ?, ?, ?, ?)"
_RESERVE = [
    f"INSERT INTO reserving VALUES {', '.join([_VALUES] * count)}"  # noqa: S608 -- question marks
    for count in range(_MANY_INPUTS + 1)
]
_HELD = """
    SELECT transaction_id, reserved_inputs.expires_at
    FROM reserved_inputs JOIN reservations USING (holder)
    WHERE input = ? AND holder != ? AND reserved_inputs.expires_at > ?
"""
_COUNT = """
    SELECT count(*) FROM reservations WHERE payer = ? AND expires_at > ? AND holder != ?
"""
_INPUTS = "SELECT inputs FROM reservations WHERE holder = ?"

Row = tuple[object, ...]


class SqliteReservations:
    """The part of :class:`~facilitator.roles.storage.Storage` that holds inputs."""

    def __init__(self, database: Database) -> None:
        """Keep them in this file."""
        self._database = database
        self._clean_at = 0.0

    def reserve(
        self, reservation: Reservation, now: float, limit: int
    ) -> ReservedElsewhere | TooManyReservations | None:
        """Hold the inputs for the transaction; ``None`` on success."""
        if now >= self._clean_at:
            self._database.write(partial(_clean, now=now), durable=False)
            self._clean_at = now + CLEAN_SECONDS
        rows = _rows(reservation, now, limit)
        thoroughly = partial(_hold, reservation=reservation, rows=rows, now=now, limit=limit)

        def hold(
            connection: sqlite3.Connection,
        ) -> ReservedElsewhere | TooManyReservations | bool | None:
            """Hold as ``_hold``; return False if the reason of a refusal needs a transaction."""
            if _hold_at_once(connection, rows):
                return None
            return thoroughly(connection) if connection.in_transaction else False

        if len(rows) <= _MANY_INPUTS:
            outcome = self._database.write(hold, durable=False, is_statement=True)
            if not isinstance(outcome, bool):
                return outcome
        return self._database.write(thoroughly, durable=False)

    def release(self, transaction_id: str) -> None:
        """Release the transaction's reservation, if it has one."""
        self._database.write(partial(_release, holder=_key(transaction_id)), durable=False)


def _key(text: str) -> bytes:
    """Return the collision-resistant key of a transaction, an input or a payer."""
    return hashlib.blake2b(text.encode(), digest_size=_KEY_BYTES).digest()


def _rows(reservation: Reservation, now: float, limit: int) -> list[Row]:
    """Return the rows for ``reserving``: one for each input, the first with all values."""
    holder, payer = _key(reservation.transaction_id), _key(reservation.payer)
    inputs = sorted(map(_key, reservation.inputs))
    common = (holder, reservation.expires_at, now)
    further = (payer, reservation.transaction_id, b"".join(inputs), limit)
    first, *others = inputs or [b""]
    return [(first, *common, *further)] + [(each, *common, *(None,) * 4) for each in others]


def _hold_at_once(connection: sqlite3.Connection, rows: Sequence[Row]) -> bool:
    """Hold the inputs if nothing conflicts and the transaction holds no others; return success."""
    try:
        connection.execute(_RESERVE[len(rows)], [value for row in rows for value in row])
    except sqlite3.IntegrityError:
        return False
    return True


def _hold(
    connection: sqlite3.Connection,
    reservation: Reservation,
    rows: Sequence[Row],
    now: float,
    limit: int,
) -> ReservedElsewhere | TooManyReservations | None:
    """Hold the inputs, or return the conflict."""
    holder, payer = _key(reservation.transaction_id), _key(reservation.payer)
    for each in reservation.inputs:
        held = connection.execute(_HELD, (_key(each), holder, now)).fetchone()
        if held:
            return ReservedElsewhere(each, *held)
    (others,) = connection.execute(_COUNT, (payer, now, holder)).fetchone()
    if others >= limit:
        return TooManyReservations(others)
    _release(connection, holder)
    connection.executemany(_RESERVE[1], rows)
    return None


def _release(connection: sqlite3.Connection, holder: bytes) -> None:
    found = connection.execute(_INPUTS, (holder,)).fetchone()
    if found is None:
        return
    (inputs,) = found
    keys = [inputs[at : at + _KEY_BYTES] for at in range(0, len(inputs), _KEY_BYTES)]
    connection.executemany(
        "DELETE FROM reserved_inputs WHERE input = ? AND holder = ?",
        [(key, holder) for key in keys],
    )
    connection.execute("DELETE FROM reservations WHERE holder = ?", (holder,))


def _clean(connection: sqlite3.Connection, now: float) -> None:
    connection.execute("DELETE FROM reserved_inputs WHERE expires_at <= ?", (now,))
    connection.execute("DELETE FROM reservations WHERE expires_at <= ?", (now,))
