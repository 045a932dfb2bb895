"""Writes what was learnt of observed claims."""

import logging
from collections.abc import Callable

from facilitator.clock import Clock
from facilitator.roles.claim import Claim
from facilitator.roles.storage import Storage, StorageUnavailable
from facilitator.settlement import transitions
from facilitator.settlement.tracking.pending_settlement import PendingSettlement
from facilitator.settlement.tracking.pending_settlements import PendingSettlements
from facilitator.settlement.transitions import Step

RETRY_SECONDS = 5.0

_log = logging.getLogger("facilitator.settlement")


class ClaimWriter:
    """Takes steps of observed claims, and lets whoever waits for them know."""

    def __init__(
        self,
        storage: Storage,
        observed: PendingSettlements,
        clock: Clock,
        changed: Callable[[Claim], None],
    ) -> None:
        """``changed`` is told of every new state that is written here."""
        self._storage = storage
        self._observed = observed
        self._clock = clock
        self.changed = changed

    def advance(self, observation: PendingSettlement, step: Step) -> bool:
        """Take the step, if it still applies to the claim as it is stored; whether it was."""
        before = observation.claim
        try:
            after, by_us = transitions.advance(self._storage, before, step)
        except StorageUnavailable as error:
            _log.error("cannot record %s: %s", before.transaction_id, error)
            observation.check_at = self._clock.time() + RETRY_SECONDS
            return False
        if after is None:
            self.missed(observation)
            return False
        observation.update(after)
        if after.state.is_final:
            self._observed.forget(before.transaction_id)
        if by_us and after.state is not before.state:
            self.changed(after)
        return by_us

    def missed(self, observation: PendingSettlement) -> None:
        """Have it noticed that the storage has lost the claim, and what else."""
        observation.is_missed = True
        self._observed.due.set()
