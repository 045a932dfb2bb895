"""The pending settlements of one network in this process, by transaction."""

import threading

from facilitator.roles.claim import Claim
from facilitator.settlement.tracking.pending_settlement import PendingSettlement, is_open


class PendingSettlements:
    """All of them, the oldest first. Safe to use from many threads."""

    def __init__(self) -> None:
        """Begin without any."""
        self.due = threading.Event()
        """Set when the chain may have to be asked for one of them now."""
        self._lock = threading.Lock()
        self._by_id: dict[str, PendingSettlement] = {}

    def __len__(self) -> int:
        """Return their number."""
        return len(self._by_id)

    def add(self, claim: Claim, *, now: float, check_in: float) -> PendingSettlement:
        """Return the pending settlement of the claim, which is added if it is new.

        A new one is checked by id in ``check_in`` seconds. One that is decided is not kept.
        """
        with self._lock:
            known = self._by_id.get(claim.transaction_id)
            pending = known or PendingSettlement(claim, check_at=now + check_in)
            if known is None and is_open(claim):
                self._by_id[claim.transaction_id] = pending
        if known is not None:
            known.update_claim(claim)
        if check_in <= 0:
            self.due.set()
        return pending

    def find(self, transaction_id: str) -> PendingSettlement | None:
        """Return the pending settlement of the transaction, if there is one."""
        return self._by_id.get(transaction_id)

    def all(self) -> list[PendingSettlement]:
        """Return those that are pending now."""
        with self._lock:
            return list(self._by_id.values())

    def remove(self, transaction_id: str) -> None:
        """Keep the transaction's settlement no longer."""
        with self._lock:
            self._by_id.pop(transaction_id, None)
