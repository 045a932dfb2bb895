"""The turn to deliver: of all processes of a fleet, one at a time reads the ledger's events."""

import time
import uuid
from collections.abc import Callable

from facilitator.plugin import Cursor, PaymentLedger, StorageUnavailable

LEASE_SECONDS = 10.0
"""Seconds for which a cursor stands unchanged, by this process's clock, before it is taken over."""
_MOVE_SECONDS = 2.0
"""Seconds after which the cursor is moved again, if there is nothing new."""


class Turn:
    """The cursor in the ledger, as far as this process holds it."""

    def __init__(
        self, ledger: PaymentLedger, name: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Hold nothing yet; ``clock`` returns seconds that only pass."""
        self._ledger = ledger
        self._name = name
        self._clock = clock
        self._me = uuid.uuid4().hex
        self._held: Cursor | None = None
        self._seen = Cursor()
        self._first = _newest(ledger)
        """The event that was the newest at the start; ``None`` if that could not be asked."""
        self._since = clock()
        """Time since which ``_seen`` has stood unchanged, or at which the own one was moved."""

    def take(self) -> int | None:
        """Return the number of the last event that is done with; ``None`` if another delivers.

        The first process of all begins after the events that were there when it started.
        """
        if self._held is not None:
            if self._clock() - self._since < _MOVE_SECONDS:
                return self._held.number
            return self.move(self._held.number)
        found = self._ledger.cursor(self._name)
        if found == Cursor():
            first = self._ledger.last_number() if self._first is None else self._first
            return self._move(found, first)
        if found != self._seen:
            self._seen, self._since = found, self._clock()
        if found.holder and self._clock() - self._since < LEASE_SECONDS:
            return None
        return self._move(found, found.number)

    def move(self, number: int) -> int | None:
        """Note that all events up to this one are done with; ``None`` if another delivers now."""
        if self._held is None:
            return None
        return self._move(self._held, number)

    def give_up(self) -> None:
        """Let another process deliver at once."""
        if self._held is not None:
            number, _, beat = self._held
            self._ledger.move_cursor(self._name, self._held, Cursor(number, "", beat + 1))
            self._held = None

    def _move(self, before: Cursor, number: int) -> int | None:
        after = Cursor(number, self._me, before.beat + 1)
        is_mine = self._ledger.move_cursor(self._name, before, after)
        self._held, self._since = (after if is_mine else None), self._clock()
        self._seen = after
        return number if is_mine else None


def _newest(ledger: PaymentLedger) -> int | None:
    try:
        return ledger.last_number()
    except StorageUnavailable:
        return None
