"""Corrects settlements that were given up, when the chain shows their transactions after all.

A node that refused a transaction may have been behind, or another one may have had it. A block that
is followed anyway shows that. Otherwise the chain is asked by id when a caller asks.
"""

import logging
from collections.abc import Callable

from facilitator.chain.chain_update import ChainUpdate
from facilitator.roles.chain import InBlock, Tip
from facilitator.roles.chain_errors import ChainUnavailable
from facilitator.roles.claim import Claim
from facilitator.roles.storage import StorageUnavailable
from facilitator.settlement import transitions
from facilitator.settlement.retention import GRACE_SECONDS
from facilitator.settlement.tracking.pending_settlement import ACCEPTED_CHECK_SECONDS, is_open
from facilitator.settlement.tracking.tracked_network import TrackedNetwork

ASK_SECONDS = 5.0
"""Least seconds between two questions by id about one transaction."""
LATE_ASK_SECONDS = 600.0
"""The same once its validity has been over for a while, so that it cannot land any more."""

_log = logging.getLogger("facilitator.settlement")


class Correction:
    """Looks for transactions whose settlements were given up."""

    def __init__(self, network: TrackedNetwork, on_correction: Callable[[Claim], None]) -> None:
        """Watch the blocks that are followed; ``on_correction`` as :class:`.tracker.Tracker`."""
        self._chain = network.chain.provider
        self._follower = network.chain.follower
        self._storage = network.storage
        self._clock = network.clock
        self._pending = network.pending
        self._given_up = network.given_up
        self._on_change = network.on_change
        self._on_correction = on_correction
        self._follower.subscribe(self._chain_updated)

    def ask(self, claim: Claim) -> Claim:
        """Return the claim, corrected if it was given up and its transaction is in a block.

        The chain is asked by id at most once in some seconds. While it cannot be asked, the claim
        stays as it is. Raises :class:`~facilitator.roles.storage.StorageUnavailable`.
        """
        if not claim.state.is_given_up:
            return claim
        try:
            where = self._find(claim)
            if where is None:
                return claim
            tip = self._follower.follow()
            return claim if self._follower.is_orphaned(where) else self._correct(claim, where, tip)
        except ChainUnavailable as error:
            _log.warning("asking for %s: %s", claim.transaction_id, error)
            return claim

    def _find(self, claim: Claim) -> InBlock | None:
        transaction_id = claim.transaction_id
        where = self._follower.find(transaction_id)
        if where is not None:
            return where
        pause = LATE_ASK_SECONDS if self._is_long_over(claim) else ASK_SECONDS
        if not self._given_up.take_turn(transaction_id, self._clock.time(), pause):
            return None
        found = self._chain.transaction(transaction_id)
        return found if isinstance(found, InBlock) else None

    def _is_long_over(self, claim: Claim) -> bool:
        end = self._chain.eras().start_ms(claim.invalid_hereafter) / 1000
        return self._clock.time() > end + GRACE_SECONDS

    def _chain_updated(self, update: ChainUpdate) -> None:
        if not self._given_up:
            return
        for block in update.blocks:
            for transaction_id in block.transactions:
                if transaction_id in self._given_up:
                    self._found(transaction_id, InBlock(block.point, block.height), update.tip)

    def _found(self, transaction_id: str, where: InBlock, tip: Tip) -> None:
        try:
            claim = self._storage.claim(transaction_id)
            if claim is not None:
                self._correct(claim, where, tip)
        except StorageUnavailable as error:
            # The next caller that asks has it corrected.
            _log.error("cannot correct the settlement of %s: %s", transaction_id, error)

    def _correct(self, claim: Claim, where: InBlock, tip: Tip) -> Claim:
        now = self._clock.time()
        step = transitions.correct(where, tip.height, now)
        after, by_us = transitions.advance(self._storage, claim, step)
        if after is None:
            return claim
        if not after.state.is_given_up:
            self._given_up.remove(claim.transaction_id)
        if by_us:
            self._on_correction(claim)
            self._on_change(after)
        if by_us and is_open(after):
            pending = self._pending.add(after, now=now, check_in=ACCEPTED_CHECK_SECONDS)
            pending.found_in(where)
            pending.new_tip(tip.height)
        return after
