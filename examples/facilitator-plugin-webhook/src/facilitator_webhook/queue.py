"""The events that were read from the ledger and not delivered yet."""

from dataclasses import dataclass

from facilitator.plugin import PaymentEvent


@dataclass
class Waiting:
    """An event whose delivery is owed."""

    event: PaymentEvent
    since: float
    """Seconds by the process's clock at which it was read."""
    due: float
    """Seconds from which on it may be tried."""
    attempts: int = 0
    """Number of attempts that were made."""


class Queue:
    """Events in the order of the ledger. Those of one payment wait for each other."""

    def __init__(self, done: int) -> None:
        """Begin after the event with the number ``done``."""
        self.last = done
        """Number of the last event that was read."""
        self._waiting: dict[int, Waiting] = {}

    def __len__(self) -> int:
        """Return the number of events that are owed."""
        return len(self._waiting)

    @property
    def done(self) -> int:
        """The number up to which all events are done with."""
        return min(self._waiting) - 1 if self._waiting else self.last

    def add(self, event: PaymentEvent, now: float) -> None:
        """Add an event that was read; its number is greater than all before."""
        self.last = event.number
        self._waiting[event.number] = Waiting(event, now, now)

    def next(self, now: float) -> Waiting | None:
        """Return an event that is due, of each payment only its oldest."""
        earlier: set[str] = set()
        for waiting in self._waiting.values():
            if waiting.event.transaction_id not in earlier and waiting.due <= now:
                return waiting
            earlier.add(waiting.event.transaction_id)
        return None

    def remove(self, waiting: Waiting) -> None:
        """Note that the event is done with."""
        del self._waiting[waiting.event.number]
