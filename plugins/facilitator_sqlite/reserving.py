"""Reservations of inputs in the file: see the tables and triggers of ``schema.VERSION_5``."""

import sqlite3
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple, TypeAlias

from facilitator.plugin import Reservation, ReservedElsewhere, TooManyReservations
from facilitator_sqlite.database import Database
from facilitator_sqlite.rows import KEY_BYTES, hash_key
from facilitator_sqlite.sweeping import Sweep

_MANY_INPUTS = 16
"""The most inputs in one statement; with more, one statement each is as good."""

_VALUES = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_RESERVE = [
    f"INSERT INTO reserving VALUES {', '.join([_VALUES] * count)}"  # noqa: S608 -- question marks
    for count in range(_MANY_INPUTS + 1)
]
_OWN = "SELECT is_settling FROM reservations WHERE holder = ? AND expires_at > ?"
_RIVAL = """
    SELECT holder, payer, recipient, transaction_id, reserved_inputs.expires_at, is_settling
    FROM reserved_inputs JOIN reservations USING (holder)
    WHERE input = ? AND holder != ? AND reserved_inputs.expires_at > ?
"""
_LOOK = f"""
    SELECT is_shared, ({_OWN}), EXISTS ({_RIVAL})
    FROM file_state
"""  # noqa: S608 -- constants
_COUNT = """
    SELECT count(*) FROM reservations
    WHERE payer = ? AND is_settling = 0 AND expires_at > ? AND holder != ?
"""
_INPUTS = "SELECT inputs FROM reservations WHERE holder = ?"
_FREE = "DELETE FROM reserved_inputs WHERE input = ? AND holder = ?"
_REMOVE = "DELETE FROM reservations WHERE holder = ?"
_CLEAR = "DELETE FROM reserved_inputs WHERE input = ?"

Row = tuple[object, ...]
Refusal = ReservedElsewhere | TooManyReservations
Hold: TypeAlias = Callable[[sqlite3.Connection], ReservedElsewhere | None]


class _Rival(NamedTuple):
    """Another transaction that holds one of the inputs."""

    input: str
    holder: bytes
    payer: bytes
    recipient: bytes
    transaction_id: str
    expires_at: float
    is_settling: int


class Found(NamedTuple):
    """The entries of the file that matter to a reservation of a verified payment."""

    is_shared: bool
    """True if another process may have the file open."""
    is_settling: bool
    """True if the transaction is being settled."""
    refusal: ReservedElsewhere | None
    """The settlement of another transaction that has one of its inputs."""


class SqliteReservations:
    """Holds inputs in the file, of settlements and of verified payments."""

    def __init__(self, database: Database) -> None:
        """Keep them in this file."""
        self._database = database
        self._sweeps = (Sweep("reservations", "holder"), Sweep("reserved_inputs", "input"))

    def reserve(self, reservation: Reservation, now: float, limit: int) -> Refusal | None:
        """Hold the inputs for the transaction; return ``None`` on success, else the refusal."""
        self._sweep_if_due(now)
        rows = _build_rows(reservation, now, limit)
        thoroughly = partial(_hold, reservation=reservation, rows=rows, now=now, limit=limit)

        def hold(connection: sqlite3.Connection) -> Refusal | bool | None:
            """Hold as ``_hold``; return False if the reason of a refusal needs a transaction."""
            if _hold_at_once(connection, rows):
                return None
            return thoroughly(connection) if connection.in_transaction else False

        if len(rows) <= _MANY_INPUTS:
            outcome = self._database.write(hold, durable=False, is_statement=True)
            if not isinstance(outcome, bool):
                return outcome
        return self._database.write(thoroughly, durable=False)

    def settling(self, reservation: Reservation, now: float) -> Hold:
        """Return the function that holds the inputs of a settlement, for use in a transaction."""
        self._sweep_if_due(now)
        rows = _build_rows(reservation, now, limit=0)

        def hold(connection: sqlite3.Connection) -> ReservedElsewhere | None:
            if len(rows) <= _MANY_INPUTS and _hold_at_once(connection, rows):
                return None
            refusal = _hold(connection, reservation, rows, now, limit=0)
            return refusal if isinstance(refusal, ReservedElsewhere) else None

        return hold

    def look(self, reservation: Reservation, now: float) -> Found:
        """Return what the file says of the reservation of a verified payment; write nothing."""
        holder = hash_key(reservation.transaction_id)
        first, *others = reservation.inputs
        about = (holder, now, hash_key(first), holder, now)

        def look(connection: sqlite3.Connection) -> Found:
            is_shared, is_settling, has_rival = connection.execute(_LOOK, about).fetchone()
            if not (has_rival or others):
                return Found(bool(is_shared), bool(is_settling), None)
            rivals = _find_rivals(connection, reservation, holder, now)
            settling = [each for each in rivals if each.is_settling]
            refusal = _find_refusal(reservation, settling) if settling else None
            return Found(bool(is_shared), bool(is_settling), refusal)

        return self._database.read(look, is_advice=True)

    def release(self, transaction_id: str) -> None:
        """Remove the transaction's reservation, if it has one."""
        self._database.write(partial(_release, holder=hash_key(transaction_id)), durable=False)

    def cancel(self, transaction_id: str) -> bool:
        """Remove the transaction's reservation if it was only verified; return True if removed."""
        holder = hash_key(transaction_id)

        def cancel(connection: sqlite3.Connection) -> bool:
            found = connection.execute(
                "SELECT 1 FROM reservations WHERE holder = ? AND is_settling = 0", (holder,)
            ).fetchone()
            if found is not None:
                _release(connection, holder)
            return found is not None

        return self._database.write(cancel, durable=False)

    def is_reserved(self, transaction_id: str, now: float) -> bool:
        """Return True if the transaction holds inputs."""
        own = (hash_key(transaction_id), now)
        found = self._database.read(lambda connection: connection.execute(_OWN, own).fetchone())
        return found is not None

    def is_shared(self) -> bool:
        """Return True if another process may have the file open."""

        def is_shared(connection: sqlite3.Connection) -> bool:
            return bool(connection.execute("SELECT is_shared FROM file_state").fetchone()[0])

        return self._database.read(is_shared)

    def _sweep_if_due(self, now: float) -> None:
        if self._sweeps[0].is_due():
            self._database.write(partial(self._sweep, now=now), durable=False)

    def _sweep(self, connection: sqlite3.Connection, now: float) -> None:
        for each in self._sweeps:
            each.run(connection, now)


def _build_rows(reservation: Reservation, now: float, limit: int) -> list[Row]:
    """Return the rows for ``reserving``: one for each input, the first with all values."""
    holder = hash_key(reservation.transaction_id)
    inputs = sorted(map(hash_key, reservation.inputs))
    common = (holder, reservation.expires_at, now)
    further = (
        hash_key(reservation.payer),
        reservation.transaction_id,
        b"".join(inputs),
        hash_key(reservation.pay_to),
        reservation.is_settling,
        limit,
    )
    first, *others = inputs or [b""]
    return [(first, *common, *further)] + [(each, *common, *(None,) * 6) for each in others]


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
) -> Refusal | None:
    """Hold the inputs in place of what gives way, or return the conflict."""
    holder, payer = hash_key(reservation.transaction_id), hash_key(reservation.payer)
    own = connection.execute(_OWN, (holder, now)).fetchone()
    if own is not None and own[0] > reservation.is_settling:
        return None
    rivals = _find_rivals(connection, reservation, holder, now)
    if (refused := _find_refusal(reservation, rivals)) is not None:
        return refused
    too_many = None
    connection.execute("SAVEPOINT ended")
    for ended in {holder, *(rival.holder for rival in rivals)}:
        _release(connection, ended)
    (others,) = connection.execute(_COUNT, (payer, now, holder)).fetchone()
    if others >= limit and not reservation.is_settling:
        connection.execute("ROLLBACK TO ended")
        too_many = TooManyReservations(others)
    else:
        # What is left of others is over, whatever the clock that was put back says.
        connection.executemany(_CLEAR, [row[:1] for row in rows])
        connection.executemany(_RESERVE[1], rows)
    connection.execute("RELEASE ended")
    return too_many


def _find_rivals(
    connection: sqlite3.Connection, reservation: Reservation, holder: bytes, now: float
) -> list[_Rival]:
    """Return the inputs that transactions other than the holder hold, each with what holds it."""
    found = [
        (each, connection.execute(_RIVAL, (hash_key(each), holder, now)).fetchone())
        for each in reservation.inputs
    ]
    return [_Rival(each, *row) for each, row in found if row is not None]


def _find_refusal(wanted: Reservation, rivals: Sequence[_Rival]) -> ReservedElsewhere | None:
    """Return what refuses the reservation among the holders of its inputs, settlements first."""
    same = (hash_key(wanted.payer), hash_key(wanted.pay_to))
    for rival in sorted(rivals, key=lambda each: -each.is_settling):
        if rival.is_settling or not (wanted.is_settling or (rival.payer, rival.recipient) == same):
            return ReservedElsewhere(
                rival.input, rival.transaction_id, rival.expires_at, bool(rival.is_settling)
            )
    return None


def _release(connection: sqlite3.Connection, holder: bytes) -> None:
    found = connection.execute(_INPUTS, (holder,)).fetchone()
    if found is None:
        return
    (inputs,) = found
    keys = [inputs[at : at + KEY_BYTES] for at in range(0, len(inputs), KEY_BYTES)]
    connection.executemany(_FREE, [(key, holder) for key in keys])
    connection.execute(_REMOVE, (holder,))
