"""The outbox of a storage: changed claims that a payment ledger elsewhere has yet to get."""

import logging

from facilitator.observability.advice import Concern
from facilitator.observability.metrics import LEDGER_WAITING
from facilitator.roles.metrics import Meter
from facilitator.roles.payment_ledger import KeepsOutbox, PaymentLedger
from facilitator.roles.storage import StorageUnavailable

CHANGES_AT_ONCE = 200
"""Changes that the ledger takes in one step."""
MANY_CHANGES = 10_000
"""So many waiting changes are warned of, and again each time that they are twice as many."""

_log = logging.getLogger("facilitator.ledger")


class Outbox:
    """The outbox, and what is known of how full it is. One thread empties it."""

    def __init__(self, storage: KeepsOutbox, meter: Meter) -> None:
        """Measure how many changes wait."""
        self._storage = storage
        self._waiting = 0
        self._warn_at = MANY_CHANGES
        self._failure: str | None = None
        meter.gauge(LEDGER_WAITING, lambda: self._waiting)

    def keep(self) -> None:
        """Have the storage keep every change from now on."""
        self._storage.keep_changes()

    def hand_over(self, ledger: PaymentLedger) -> bool:
        """Give the ledger the oldest changes, if there are any; return True if more wait.

        Each stays in the outbox until the ledger has it. Raises what the storage and the ledger
        raise.
        """
        try:
            if changes := self._storage.changes(CHANGES_AT_ONCE):
                ledger.record([each.claim for each in changes])
                self._storage.forget_changes([each.name for each in changes])
            self._failure = None
        except StorageUnavailable as error:
            self._failure = str(error)  # callers may see it
            raise
        except Exception:
            self._failure = "it fails, see the log"
            raise
        finally:
            self._note(self._storage.count_changes())
        return self._waiting > 0

    def check(self) -> None:
        """Raise :class:`~facilitator.observability.advice.Concern` if the ledger takes no changes.

        No payment waits for it.
        """
        if self._failure is not None:
            raise Concern(
                f"{self._waiting} changes of payments wait for the payment ledger: {self._failure}"
            )

    def _note(self, waiting: int) -> None:
        self._waiting = waiting
        if waiting >= self._warn_at:
            _log.warning(
                "%d changes of payments wait in the storage until the payment ledger takes them:"
                " see to the ledger before the storage is full",
                waiting,
            )
        self._warn_at = MANY_CHANGES
        while self._warn_at <= waiting:
            self._warn_at *= 2
