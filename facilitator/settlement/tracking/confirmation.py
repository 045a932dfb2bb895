"""Blocks confirm pending settlements, and rollbacks take that back."""

from collections.abc import Sequence
from functools import partial

from facilitator.cardano.codec.dijkstra.any_era import decode_any_era
from facilitator.chain.chain_update import ChainUpdate
from facilitator.roles.chain import Block, InBlock, Tip
from facilitator.roles.claim import Claim
from facilitator.settlement import transitions
from facilitator.settlement.tracking.parallel import Parallel
from facilitator.settlement.tracking.pending_settlement import (
    ACCEPTED_CHECK_SECONDS,
    PendingSettlement,
)
from facilitator.settlement.tracking.tracked_network import TrackedNetwork

_ADVANCED_AT_ONCE = 32
"""Claims that a block advances at once: a storage may write together what comes together."""


class Confirmation:
    """Applies the updates of the followed chain to pending settlements."""

    def __init__(self, network: TrackedNetwork) -> None:
        """Follow the chain while the network has pending settlements."""
        self._utxo_cache = network.chain.outputs
        self._follower = network.chain.follower
        self._pending = network.pending
        self._writer = network.writer
        self._clock = network.clock
        name = f"advance {network.chain.provider.network}"
        self._advancing = Parallel(_ADVANCED_AT_ONCE, name)
        self._follower.subscribe(self._chain_updated, needs=lambda: len(self._pending))

    def close(self) -> None:
        """End the threads. Called when the follower's thread has ended."""
        self._advancing.close()

    def adopt(self, claim: Claim, check_in: float) -> PendingSettlement:
        """Track an open claim; its transaction may be in a block that was followed before."""
        pending = self._pending.add(claim, now=self._clock.time(), check_in=check_in)
        block = self._follower.find(claim.transaction_id)
        if block is not None and pending.block is None:
            self.found_in(pending, block)
        return pending

    def found_in(self, pending: PendingSettlement, block: InBlock, tip: Tip | None = None) -> None:
        """Take in that the transaction is in the block, unless that block is orphaned.

        ``tip`` is the newest block, the follower's unless given.
        """
        tip = tip or self._follower.follow()
        if self._follower.is_orphaned(block):
            return
        pending.found_in(block)
        pending.schedule_check(self._clock.time() + ACCEPTED_CHECK_SECONDS)
        self._confirm(pending, tip)

    def found_together(self, every: Sequence[PendingSettlement], block: InBlock, tip: Tip) -> None:
        """Take in that these were recorded in the block, which is on the chain."""
        self._advancing.run(partial(self.found_in, block=block, tip=tip), every)

    def _chain_updated(self, update: ChainUpdate) -> None:
        every = self._pending.all()
        if not update.contiguous:
            for pending in every:
                pending.lost_block()
        if update.rolled_back_to is not None:
            for pending in every:
                self._roll_back(pending, update.rolled_back_to)
        self._find_in(update.blocks)
        for pending in every:
            pending.new_tip(update.tip.height)
            block = pending.block
            if block is not None and self._follower.is_orphaned(block):
                self._lose_block(pending)
        in_blocks = [pending for pending in every if pending.block is not None]
        self._advancing.run(partial(self._confirm, tip=update.tip), in_blocks)
        self._pending.due.set()

    def _find_in(self, blocks: Sequence[Block]) -> None:
        for block in blocks:
            for transaction_id in block.transactions:
                found = self._pending.find(transaction_id)
                if found is not None:
                    found.found_in(InBlock(block.point, block.height))
                    self._utxo_cache.add_created(decode_any_era(found.claim.transaction))

    def _roll_back(self, pending: PendingSettlement, height: int) -> None:
        block = pending.block
        if block is not None and block.height > height:
            self._lose_block(pending)

    def _lose_block(self, pending: PendingSettlement) -> None:
        pending.lost_block()
        self._writer.advance(pending, transitions.roll_back(self._clock.time()))

    def _confirm(self, pending: PendingSettlement, tip: Tip) -> None:
        pending.new_tip(tip.height)
        block = pending.block
        if block is not None:
            step = transitions.include(block, tip.height, self._clock.time())
            self._writer.advance(pending, step)
