"""Reservations of inputs: settlements in the file, verified payments in memory while that will do.

A hold of a verified payment is advice, and made for every payment: to write it would cost a quarter
of the verdict. While this process alone has the file open, no other could read it. Once a second
process opens the file, all of them keep everything there; what was in memory is dropped.
"""

from facilitator.plugin import HeldInputs, Reservation
from facilitator_sqlite.database import Database
from facilitator_sqlite.reserving import Refusal, SqliteReservations


class SqliteHolds:
    """The part of :class:`~facilitator.roles.storage.Storage` that holds inputs."""

    def __init__(self, database: Database) -> None:
        """Hold nothing in memory yet."""
        self._database = database
        self._in_file = SqliteReservations(database)
        self._in_memory: HeldInputs | None = HeldInputs()
        self._openings = 0
        """Openings of the file when it was last seen not to be shared."""

    def reserve(self, reservation: Reservation, now: float, limit: int) -> Refusal | None:
        """Hold the inputs for the transaction; return ``None`` on success, else the refusal."""
        memory = self._in_memory
        if memory is None:
            return self._in_file.reserve(reservation, now, limit)
        if reservation.is_settling:
            refusal = self._in_file.reserve(reservation, now, limit)
            if refusal is None:
                self._end_verified(reservation, now)
            return refusal
        found = self._in_file.look(reservation, now)
        if found.is_shared:
            self._in_memory = None
            return self._in_file.reserve(reservation, now, limit)
        if found.is_settling:
            return None
        return found.refusal or memory.reserve(reservation, now, limit)

    def _end_verified(self, settling: Reservation, now: float) -> None:
        """End what is held in memory for verified payments over the inputs of a settlement.

        The settlement stays there until it is released, against a verification that looked into the
        file before it was written.
        """
        if (memory := self._in_memory) is not None:
            memory.reserve(settling, now, limit=0)

    def release(self, transaction_id: str) -> None:
        """Remove the transaction's reservation, if it has one."""
        if (memory := self._in_memory) is not None:
            memory.release(transaction_id)
        self._in_file.release(transaction_id)

    def cancel(self, transaction_id: str) -> bool:
        """Remove the transaction's reservation if it was only verified; return True if removed."""
        memory = self._memory_if_alone()
        if memory is not None and memory.cancel(transaction_id):
            return True
        return self._in_file.cancel(transaction_id)

    def is_reserved(self, transaction_id: str, now: float) -> bool:
        """Return True if the transaction holds inputs."""
        memory = self._memory_if_alone()
        if memory is not None and memory.is_reserved(transaction_id, now):
            return True
        return self._in_file.is_reserved(transaction_id, now)

    def _memory_if_alone(self) -> HeldInputs | None:
        """Return what is held in memory, unless another process may have the file open.

        The file is asked only after it was opened once more: a statement costs more than the rest.
        """
        if self._in_memory is None:
            return None
        openings = self._database.count_openings()  # first: the flag is set before it is counted
        if openings != self._openings:
            if self._in_file.is_shared():
                self._in_memory = None
            else:
                self._openings = openings
        return self._in_memory
