"""What blocks tell of observed claims: they confirm them, and rollbacks take that back."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from facilitator.cardano.codec.transaction_decoder import decode_transaction
from facilitator.chain.chain_update import ChainUpdate
from facilitator.chain.followed_chain import FollowedChain
from facilitator.clock import Clock
from facilitator.roles.chain import Block, InBlock, Tip
from facilitator.settlement import transitions
from facilitator.settlement.tracking.claim_writer import ClaimWriter
from facilitator.settlement.tracking.pending_settlement import (
    ACCEPTED_CHECK_SECONDS,
    PendingSettlement,
)
from facilitator.settlement.tracking.pending_settlements import PendingSettlements

_ADVANCED_AT_ONCE = 32
"""Claims that a block advances at once: a storage may write together what comes together."""


class Confirmation:
    """Takes in the moves of the followed chain."""

    def __init__(
        self,
        chain: FollowedChain,
        observed: PendingSettlements,
        recorder: ClaimWriter,
        clock: Clock,
    ) -> None:
        """Follow the chain for as long as anything is observed."""
        self._outputs = chain.outputs
        self._follower = chain.follower
        self._observed = observed
        self._recorder = recorder
        self._clock = clock
        self._advancing = ThreadPoolExecutor(_ADVANCED_AT_ONCE, f"advance {chain.provider.network}")
        self._follower.subscribe(self._moved, needs=lambda: bool(observed))

    def close(self) -> None:
        """End the threads, when the follower's has ended."""
        self._advancing.shutdown()

    def found(self, observation: PendingSettlement, where: InBlock) -> None:
        """Take in that the transaction is in the block, unless that is of a fork that was left."""
        tip = self._follower.follow()
        if self._follower.is_orphaned(where):
            return
        observation.update(where=where)
        observation.check_at = self._clock.time() + ACCEPTED_CHECK_SECONDS
        self._seen_at(observation, tip)

    def _moved(self, move: ChainUpdate) -> None:
        observed = self._observed.all()
        if not move.contiguous:
            for observation in observed:
                observation.update(lost=True)
                observation.check_at = 0.0
        if move.rolled_back_to is not None:
            for observation in observed:
                self._roll_back(observation, move.rolled_back_to)
        self._find_in(move.blocks)
        for observation in observed:
            observation.update(tip_height=move.tip.height)
            if observation.where is not None and self._follower.is_orphaned(observation.where):
                self._lose(observation)
        in_blocks = [observation for observation in observed if observation.where is not None]
        list(self._advancing.map(partial(self._seen_at, tip=move.tip), in_blocks))
        self._observed.due.set()

    def _find_in(self, blocks: Sequence[Block]) -> None:
        for block in blocks:
            for transaction_id in block.transactions:
                found = self._observed.find(transaction_id)
                if found is not None:
                    found.update(where=InBlock(block.point, block.height))
                    self._outputs.created(decode_transaction(found.claim.transaction))

    def _roll_back(self, observation: PendingSettlement, height: int) -> None:
        where = observation.where
        if where is not None and where.height > height:
            self._lose(observation)

    def _lose(self, observation: PendingSettlement) -> None:
        observation.update(lost=True)
        observation.check_at = 0.0
        self._recorder.advance(observation, transitions.roll_back(self._clock.time()))

    def _seen_at(self, observation: PendingSettlement, tip: Tip) -> None:
        observation.update(tip_height=tip.height)
        if observation.where is not None:
            step = transitions.include(observation.where, tip.height, self._clock.time())
            self._recorder.advance(observation, step)
