"""Keys that are bound to values for a time: idempotency keys and other names."""

from facilitator_postgres.holds import PostgresReservations
from facilitator_postgres.rows import escape, hash_key, unescape

_BOUND_TO = """
    SELECT value FROM {schema}.keys WHERE key = %s
    AND NOT (clock = %s AND ends_at <= %s) AND until > {schema}.server_now()
"""
_BIND = "SELECT {schema}.bind_key(%s, %s, %s, %s, %s)"
_CHANGE = "SELECT {schema}.change_key(%s, %s, %s, %s, %s, %s)"


class PostgresKeys(PostgresReservations):
    """The part of :class:`~facilitator.roles.storage.Storage` that ends by a clock."""

    def bound_to(self, key: str, now: float) -> str | None:
        """Return the value that the key is bound to; ``None`` if it is bound to none."""
        self._clock.note(now)
        found = self._database.read(_BOUND_TO, hash_key(key), self._clock.name, now)
        return unescape(found[0][0]) if found else None

    def bind_key(self, key: str, value: str, expires_at: float, now: float) -> str:
        """Bind the key to the value unless it is bound; return the value it is bound to."""
        self._clock.note(now)
        binding = (self._clock.name, now, hash_key(key), escape(value), expires_at)
        ((bound,),) = self._database.change(_BIND, *binding)
        return unescape(bound)

    def change_key(self, key: str, bound_to: str, value: str | None, expires_at: float) -> bool:
        """Bind a key that is bound to ``bound_to`` to another value, or with ``None`` to none."""
        wanted = None if value is None else escape(value)
        clock = (self._clock.name, self._clock.now())
        ((is_changed,),) = self._database.change(
            _CHANGE, *clock, hash_key(key), escape(bound_to), wanted, expires_at
        )
        return bool(is_changed)
