"""The overview of a ledger, which many open pages share."""

import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from facilitator.plugin import (
    ClaimState,
    Clock,
    PaymentLedger,
    PaymentQuery,
    TotalBy,
    iso_time,
)
from facilitator_dashboard.figures import (
    confirmation_times,
    refusals_by_reason,
    totals_by_asset,
    totals_by_caller,
)

DAYS = 7
"""Days that the figures are of, today included."""
SAMPLE = 1_000
"""Settled payments at most from which times to confirmation are taken: the newest."""
FRESH_SECONDS = 5.0
"""Time for which figures are shown again, at least."""
_SHARE = 10
"""Figures are kept for so many times as long as they took, so that they take a tenth of a core."""
_DAY_SECONDS = 86_400


class Overview:
    """The figures of the last days. They are computed by one thread at a time."""

    def __init__(
        self,
        clock: Clock,
        longest_seconds: int,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take the clock for days. A payment settles ``longest_seconds`` after its claim, or so."""
        self._clock = clock
        self._longest_seconds = longest_seconds
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._figures: Mapping[str, Any] = {}
        self._fresh_until = -1.0

    def figures(self, ledger: PaymentLedger) -> Mapping[str, Any]:
        """Return the figures, as of some seconds ago at most if they are quick to compute."""
        with self._lock:
            if (started := self._monotonic()) >= self._fresh_until:
                self._figures = self._compute(ledger)
                ended = self._monotonic()
                self._fresh_until = ended + max(FRESH_SECONDS, _SHARE * (ended - started))
            return self._figures

    def _compute(self, ledger: PaymentLedger) -> Mapping[str, Any]:
        now = self._clock.time()
        today = datetime.fromtimestamp(now, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        first = today - timedelta(days=DAYS - 1)
        first_day, last_day = first.date().isoformat(), today.date().isoformat()
        settled = frozenset([ClaimState.SETTLED])
        # A query is by the time of the claim, and a day that of the settlement.
        margin = self._longest_seconds + _DAY_SECONDS
        claimed = PaymentQuery(states=settled, since=first.timestamp() - margin)
        totals = ledger.totals(claimed, (TotalBy.DAY, TotalBy.CALLER))
        recent = PaymentQuery(states=settled, since=first.timestamp())
        return {
            "at": iso_time(now),
            "today": last_day,
            "firstDay": first_day,
            "totals": totals_by_asset(totals, last_day, first_day),
            "callers": totals_by_caller(totals, first_day),
            "confirmation": {
                **confirmation_times(ledger.payments(recent, None, SAMPLE)),
                "sample": SAMPLE,
            },
            "refusals": refusals_by_reason(ledger.refusals(first_day)),
        }
