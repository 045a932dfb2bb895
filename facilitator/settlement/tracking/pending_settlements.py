"""The claims of one network that this process observes, by transaction."""

import threading

from facilitator.roles.claim import Claim
from facilitator.settlement.tracking.pending_settlement import PendingSettlement, is_open


class PendingSettlements:
    """All of them, those observed longest first. Safe to use from many threads."""

    def __init__(self) -> None:
        """Nothing is observed yet."""
        self.due = threading.Event()
        """Set when the chain may have to be asked for one of them now."""
        self._lock = threading.Lock()
        self._by_id: dict[str, PendingSettlement] = {}

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._by_id)

    def add(self, claim: Claim, *, now: float, check_in: float) -> PendingSettlement:
        """Return the observation of the claim, begun now unless it was before.

        It is asked for by id in ``check_in`` seconds, or in as many as were said when it was begun.
        One that is decided is not kept.
        """
        with self._lock:
            observation = self._by_id.get(claim.transaction_id)
            if observation is None:
                observation = PendingSettlement(claim)
                observation.check_at = now + check_in
                if is_open(claim):
                    self._by_id[claim.transaction_id] = observation
        observation.update(claim)
        if check_in <= 0:
            self.due.set()
        return observation

    def find(self, transaction_id: str) -> PendingSettlement | None:
        """Return the observation of a transaction's claim, if there is one."""
        return self._by_id.get(transaction_id)

    def all(self) -> list[PendingSettlement]:
        """Return those that are observed now."""
        with self._lock:
            return list(self._by_id.values())

    def forget(self, transaction_id: str) -> None:
        """Observe it no more."""
        with self._lock:
            self._by_id.pop(transaction_id, None)
