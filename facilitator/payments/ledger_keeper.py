"""Keeps the payment ledger: empties the outbox into it, adds the refusals, forgets what is old.

All of it happens in a thread of its own, so that no request and no settlement waits for a ledger.
"""

import logging
import threading
from collections.abc import Callable
from functools import partial
from itertools import count

from facilitator.clock import Clock
from facilitator.payments.outbox import Outbox
from facilitator.payments.refusal_counts import RefusalCounts
from facilitator.roles.change_log import ChangeLog
from facilitator.roles.circuit import Complaint
from facilitator.roles.payment_ledger import PaymentLedger
from facilitator.roles.storage import StorageUnavailable

_PAUSE_SECONDS = 1.0
"""Seconds between two turns: other processes fill the outbox as well."""
_FORGET_TURNS = 3_600
"""Turns of the thread from one look for payments that may be forgotten to the next."""
_DAY_SECONDS = 86_400

_log = logging.getLogger("facilitator.ledger")


class LedgerKeeper:
    """The thread that keeps one ledger."""

    def __init__(
        self,
        ledger: PaymentLedger,
        outbox: Outbox | None,
        refusals: RefusalCounts,
        clock: Clock,
        keep_days: int,
        on_error: Callable[[BaseException], None],
    ) -> None:
        """Start nothing yet.

        Args:
            ledger: The ledger.
            outbox: That of the storage, if it is not the one that writes the ledger.
            refusals: Refused requests to add.
            clock: Says which payments are old.
            keep_days: Days for which a payment is kept; 0 for always.
            on_error: Called with errors that no ledger names.
        """
        self._ledger = ledger
        self._outbox = outbox
        self._refusals = refusals
        self._clock = clock
        self._keep_seconds = keep_days * _DAY_SECONDS
        self._on_error = on_error
        self._wake = threading.Event()
        self._is_closing = False
        self._thread = threading.Thread(target=self._run, name="payment ledger", daemon=True)
        self._log = ChangeLog(_log, "the payment ledger")

    def start(self) -> None:
        """Start the thread; from now on the outbox keeps every change."""
        if self._outbox is not None:
            self._outbox.keep()
        self._thread.start()

    def close(self) -> None:
        """Do what can be done soon, as far as the ledger works, and end the thread."""
        self._is_closing = True
        self._wake.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        for turn in count():
            is_last = self._is_closing
            steps = [self._add_refusals]
            if self._outbox is not None:
                steps.append(partial(self._empty, self._outbox))
            if turn % _FORGET_TURNS == 0 and not is_last:
                steps.append(self._forget)
            have_succeeded = list(map(self._succeeds, steps))
            if all(have_succeeded):
                self._log.works()
            if is_last:
                return
            self._wake.wait(_PAUSE_SECONDS)

    def _succeeds(self, step: Callable[[], None]) -> bool:
        try:
            step()
        except StorageUnavailable as error:
            self._log.fails(Complaint(str(error), error.detail))
            return False
        except Exception as error:
            self._on_error(error)
            return False
        return True

    def _empty(self, outbox: Outbox) -> None:
        """Hand all changes over; once it is closing, some, and leave the rest to the next start."""
        while outbox.hand_over(self._ledger) and not self._is_closing:
            pass

    def _add_refusals(self) -> None:
        counts = self._refusals.take()
        try:
            if counts:
                self._ledger.count_refusals(counts)
        except BaseException:
            self._refusals.put_back(counts)
            raise

    def _forget(self) -> None:
        before = self._clock.time() - self._keep_seconds
        while self._keep_seconds and not self._is_closing:
            if not self._ledger.forget_payments(before):
                return
