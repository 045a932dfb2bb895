"""Reservations of inputs."""

from facilitator.plugin import (
    CallersClock,
    Reservation,
    ReservedElsewhere,
    TooManyReservations,
)
from facilitator_postgres.database import Database
from facilitator_postgres.rows import escape, hash_key, unescape

_RESERVE = "SELECT * FROM {schema}.reserve(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
_RELEASE = "SELECT {schema}.release(%s, %s)"
_IS_RESERVED = """
    SELECT 1 FROM {schema}.holds WHERE holder = %s
    AND NOT (clock = %s AND ends_at <= %s) AND until > {schema}.server_now()
"""


class PostgresReservations:
    """The part of :class:`~facilitator.roles.storage.Storage` that holds inputs."""

    def __init__(self, database: Database) -> None:
        """Keep them in this database."""
        self._database = database
        self._clock = CallersClock()

    def reserve(
        self, reservation: Reservation, now: float, limit: int
    ) -> ReservedElsewhere | TooManyReservations | None:
        """Hold the inputs for the transaction; return ``None`` on success, else the refusal."""
        self._clock.note(now)
        inputs = sorted(reservation.inputs)
        ((outcome, place, holder, until, is_settling, others),) = self._database.change(
            _RESERVE,
            self._clock.name,
            now,
            hash_key(reservation.transaction_id),
            escape(reservation.transaction_id),
            hash_key(reservation.payer),
            hash_key(reservation.pay_to),
            reservation.is_settling,
            reservation.expires_at,
            [hash_key(each) for each in inputs],
            limit,
        )
        if outcome == "elsewhere":
            return ReservedElsewhere(inputs[place - 1], unescape(holder), until, is_settling)
        return TooManyReservations(others) if outcome == "too many" else None

    def release(self, transaction_id: str) -> None:
        """Remove the transaction's reservation, if it has one."""
        self._database.change(_RELEASE, hash_key(transaction_id), False)

    def cancel(self, transaction_id: str) -> bool:
        """Remove the transaction's reservation if it was only verified; return True if removed."""
        holder = hash_key(transaction_id)
        ((is_removed,),) = self._database.change(_RELEASE, holder, True, repeatable=False)
        return bool(is_removed)

    def is_reserved(self, transaction_id: str, now: float) -> bool:
        """Return True if the transaction holds inputs."""
        self._clock.note(now)
        holder = hash_key(transaction_id)
        return bool(self._database.read(_IS_RESERVED, holder, self._clock.name, now))
