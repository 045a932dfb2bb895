"""Outputs that the provider just answered not to be unspent, so that repeats cost no question."""

import threading
import time
from collections.abc import Callable, Collection, Mapping

from facilitator.cardano.transaction import OutputRef
from facilitator.roles.allowance import NOT_ASKED
from facilitator.roles.chain import OutputStatus, Unspent

ABSENT_SECONDS = 5.0
"""Seconds for which such an answer is kept. An indexer may learn of the output any moment."""
MAX_ABSENT = 10_000
"""Answers kept in this process; the oldest go first."""


class AbsentOutputs:
    """The statuses of outputs that are spent, were never made or are not known. Thread-safe."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Know of none; ``clock`` gives seconds that never go back."""
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: dict[OutputRef, tuple[float, OutputStatus]] = {}

    def keep(self, found: Mapping[OutputRef, OutputStatus]) -> None:
        """Keep what the provider answered just now."""
        until = self._clock() + ABSENT_SECONDS
        absent = {
            ref: (until, status)
            for ref, status in found.items()
            if not isinstance(status, Unspent) and status != NOT_ASKED
        }
        if not absent:
            return
        with self._lock:
            for ref in absent:
                self._kept.pop(ref, None)  # so that the newest stand last
            self._kept.update(absent)
            while len(self._kept) > MAX_ABSENT:
                del self._kept[next(iter(self._kept))]

    def known(self, refs: Collection[OutputRef]) -> Mapping[OutputRef, OutputStatus]:
        """Return what is still kept of these."""
        if not self._kept:
            return {}
        now = self._clock()
        with self._lock:
            kept = {ref: self._kept[ref] for ref in refs if ref in self._kept}
        return {ref: status for ref, (until, status) in kept.items() if now < until}

    def forget_made(self, transactions: Collection[str]) -> None:
        """Forget the outputs of transactions (ids in hex) that are on the chain now."""
        if not self._kept:
            return
        made = {bytes.fromhex(each) for each in transactions}
        with self._lock:
            for ref in [each for each in self._kept if each.transaction_id in made]:
                del self._kept[ref]

    def clear(self) -> None:
        """Forget all, for instance since blocks were rolled back."""
        with self._lock:
            self._kept.clear()
