"""Writes to the storage what was learnt of pending settlements."""

import logging
from collections.abc import Callable

from facilitator.clock import Clock
from facilitator.roles.claim import Claim
from facilitator.roles.storage import Storage, StorageUnavailable
from facilitator.settlement import transitions
from facilitator.settlement.tracking.given_up import GivenUp
from facilitator.settlement.tracking.pending_settlement import PendingSettlement
from facilitator.settlement.tracking.pending_settlements import PendingSettlements
from facilitator.settlement.transitions import Step

RETRY_SECONDS = 5.0

_log = logging.getLogger("facilitator.settlement")


class ClaimWriter:
    """Advances claims in the storage, and wakes the callers that wait for them."""

    def __init__(
        self,
        storage: Storage,
        pending: PendingSettlements,
        given_up: GivenUp,
        clock: Clock,
        on_change: Callable[[Claim], None],
    ) -> None:
        """Call ``on_change`` with every claim whose new state is written here."""
        self._storage = storage
        self._pending = pending
        self._given_up = given_up
        self._clock = clock
        self._on_change = on_change

    def advance(self, pending: PendingSettlement, step: Step) -> bool:
        """Apply the step to the claim as it is stored; return True if it applied."""
        before = pending.claim
        try:
            after, by_us = transitions.advance(self._storage, before, step)
        except StorageUnavailable as error:
            _log.error("cannot record %s: %s", before.transaction_id, error)
            pending.schedule_check(self._clock.time() + RETRY_SECONDS)
            return False
        if after is None:
            self.report_missing(pending)
            return False
        self._update(pending, after)
        if by_us and after.state is not before.state:
            self._on_change(after)
        return by_us

    def refresh(self, pending: PendingSettlement) -> Claim | None:
        """Take in the claim as it is stored now, and return it; ``None`` if it is missing.

        What another process has decided is not pending here any more. Raises
        :class:`StorageUnavailable`.
        """
        known = pending.claim
        stored = self._storage.claim(known.transaction_id)
        if stored is None or stored.version < known.version:
            self.report_missing(pending)
            return None
        self._update(pending, stored)
        return stored

    def _update(self, pending: PendingSettlement, claim: Claim) -> None:
        """Take in the claim as it is stored. What is decided is not pending any more."""
        pending.update_claim(claim)
        if claim.state.is_final:
            self._pending.remove(claim.transaction_id)
            if claim.state.is_given_up:
                self._given_up.add(claim.transaction_id)

    def report_missing(self, pending: PendingSettlement) -> None:
        """Have the claim restored, which the storage lacks, and others that it lacks too."""
        pending.mark_missing()
        self._pending.due.set()
