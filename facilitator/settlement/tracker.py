"""Sees submitted transactions through to their end: on one chain, for all claims at once.

The follower says which blocks came and went; what it cannot say (transactions whose submission
had no known outcome, or that were submitted by a process that is gone) is asked by id, in a thread
of its own. The same bytes may be submitted again: the ledger takes a transaction once.
"""

import logging
import threading
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial

from facilitator.cardano.decode import decode_transaction
from facilitator.cardano.transaction import OutputRef
from facilitator.chain.followed import FollowedChain
from facilitator.chain.move import Move
from facilitator.clock import Clock
from facilitator.roles.chain import (
    ChainUnavailable,
    InBlock,
    InMempool,
    Spent,
    SubmissionRejected,
    SubmissionUnknown,
    Tip,
    TransactionStatus,
)
from facilitator.roles.storage import Storage, StorageUnavailable
from facilitator.settlement import transitions
from facilitator.settlement.claim import Claim, ClaimState
from facilitator.settlement.lost import Recovery
from facilitator.settlement.observation import Observation, is_open
from facilitator.settlement.transitions import Step

GRACE_SECONDS = 120
"""How long after its validity has ended a transaction may still turn up in a provider's index."""

_UNKNOWN_CHECK_SECONDS = 5.0
_ACCEPTED_CHECK_SECONDS = 240.0
_MAX_CHECK_SECONDS = 120.0
_ADVANCED_AT_ONCE = 32
"""Claims that a block advances at once: a storage may write together what comes together."""

_log = logging.getLogger("facilitator.settlement")


class Tracker:
    """Observes the open claims of one network until each is settled, rejected or expired."""

    def __init__(
        self,
        chain: FollowedChain,
        storage: Storage,
        clock: Clock,
        *,
        lease_seconds: float,
        changed: Callable[[Claim], None],
        failed: Callable[[BaseException], None],
    ) -> None:
        """``changed`` is told of every new state; ``failed`` gets unforeseen errors of threads."""
        self._chain = chain.provider
        self._outputs = chain.outputs
        self._follower = chain.follower
        self._storage = storage
        self._recovery = Recovery(storage, chain.provider)
        self._clock = clock
        self._lease_seconds = lease_seconds
        self._changed = changed
        self._failed = failed
        self._follower.subscribe(self._chain_moved, needs=lambda: bool(self._observed))
        self._observed: dict[str, Observation] = {}
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._due = threading.Event()
        self._advancing = ThreadPoolExecutor(_ADVANCED_AT_ONCE, f"advance {self._chain.network}")
        self._checker = threading.Thread(
            target=self._check_loop, name=f"settlement {self._chain.network}", daemon=True
        )

    def start(self) -> None:
        """Take up what an earlier process left open, then keep doing so as leases run out."""
        self._checker.start()

    def close(self) -> None:
        """Stop observing; what is open is taken up by whoever starts next."""
        self._stopped.set()
        self._due.set()
        if self._checker.ident is not None:
            self._checker.join()
        self._follower.close()
        self._advancing.shutdown()

    def wake(self) -> None:
        """Let every waiting caller look again, for instance because we are draining."""
        for observation in self._all():
            observation.wake()

    def follow(self) -> Tip:
        """Make sure that blocks are seen from now on. Raises :class:`ChainUnavailable`."""
        return self._follower.follow()

    def depth(self, claim: Claim) -> int | None:
        """Newer blocks on top of the claim's block, as far as is known here."""
        observation = self._observed.get(claim.transaction_id)
        return observation.depth if observation is not None else claim.depth

    def submit(self, claim: Claim) -> Observation:
        """Send the transaction of a claim that was just marked ``submitted``, once.

        Whatever the node answers is in the observation's claim; without a definite answer the
        claim stays open and is reconciled by id.
        """
        observation = self._observe(claim, check_in=_UNKNOWN_CHECK_SECONDS)
        self._changed(claim)
        try:
            self._follower.follow()
            self._chain.submit(claim.transaction)
        except SubmissionRejected as error:
            self._rejected(observation, error)
        except ChainUnavailable as error:
            _log.warning("submitting %s: %s", claim.transaction_id, error)
            is_unknown = isinstance(error, SubmissionUnknown)
            outcome = "whether a node has it is not known" if is_unknown else "no node has it yet"
            observation.trouble = f"{outcome}: {error}"
        else:
            self._accepted(observation)
        return observation

    def landed(self, claim: Claim, where: InBlock) -> Observation:
        """Observe an open claim whose transaction was found in the block."""
        observation = self._observe(claim, check_in=_ACCEPTED_CHECK_SECONDS)
        self._found(observation, where)
        return observation

    def restored(self, transaction_id: str) -> Claim | None:
        """The claim that is observed here, written again since the storage has lost it.

        Raises :class:`ChainUnavailable`, :class:`StorageUnavailable`.
        """
        observation = self._observed.get(transaction_id)
        return None if observation is None else self._recovery.restore(observation)

    def observe(self, claim: Claim) -> Observation:
        """Observe an open claim that was submitted before, here or elsewhere.

        While its lease lasts, whoever announced the submission may be about to make it. What the
        followed blocks tell of it need not be asked.
        """
        now = self._clock.time()
        check_in = claim.lease_until - now
        if claim.accepted and self._follower.since <= claim.updated_at:
            check_in = claim.updated_at + _ACCEPTED_CHECK_SECONDS - now
        observation = self._observe(claim, check_in=check_in)
        where = self._follower.find(claim.transaction_id)
        if where is not None and observation.where is None:
            self._found(observation, where)
        return observation

    def confirm(self, claim: Claim) -> Claim:
        """The settled claim, which is open again if the chain no longer has it as promised.

        For one that was settled before somebody asked: a rollback deeper than was promised may
        have come since. Costs a question by id unless the followed blocks tell. Raises
        :class:`ChainUnavailable`.
        """
        tip = self._follower.follow()
        where: TransactionStatus | None = None
        if self._follower.generation is not None:
            where = self._follower.find(claim.transaction_id)
        if where is None:
            where = self._chain.transaction(claim.transaction_id)
        if isinstance(where, InBlock):
            # In the block it was settled in it is as deep as it was, though our view may lag.
            is_same = where.point.block == claim.block
            if is_same or tip.height - where.height >= claim.confirmations:
                return claim
        after, by_us = transitions.advance(
            self._storage, claim, transitions.reopen(self._clock.time())
        )
        if after is not None and by_us:
            self._changed(after)
        return after or claim

    def _observe(self, claim: Claim, *, check_in: float) -> Observation:
        with self._lock:
            observation = self._observed.get(claim.transaction_id)
            if observation is None:
                observation = Observation(claim)
                observation.check_at = self._clock.time() + check_in
                if is_open(claim):
                    self._observed[claim.transaction_id] = observation
        observation.update(claim)
        if check_in <= 0:
            self._due.set()
        return observation

    def _all(self) -> list[Observation]:
        with self._lock:
            return list(self._observed.values())

    # --- What the chain tells ---------------------------------------------------------------

    def _chain_moved(self, move: Move) -> None:
        observed = self._all()
        if not move.gapless:
            for observation in observed:
                observation.update(lost=True)
                observation.check_at = 0.0
        if move.rolled_back_to is not None:
            for observation in observed:
                self._roll_back(observation, move.rolled_back_to)
        for block in move.blocks:
            for transaction_id in block.transactions:
                found = self._observed.get(transaction_id)
                if found is not None:
                    found.update(where=InBlock(block.point, block.height))
                    self._outputs.created(decode_transaction(found.claim.transaction))
        for observation in observed:
            observation.update(tip_height=move.tip.height)
        in_blocks = [observation for observation in observed if observation.where is not None]
        list(self._advancing.map(partial(self._seen_at, tip=move.tip), in_blocks))
        self._due.set()

    def _roll_back(self, observation: Observation, height: int) -> None:
        where = observation.where
        if where is not None and where.height > height:
            observation.update(lost=True)
            observation.check_at = 0.0
            self._advance(observation, transitions.roll_back(self._clock.time()))

    def _seen_at(self, observation: Observation, tip: Tip) -> None:
        observation.update(tip_height=tip.height)
        if observation.where is not None:
            self._advance(
                observation,
                transitions.include(observation.where, tip.height, self._clock.time()),
            )

    def _advance(self, observation: Observation, step: Step) -> None:
        before = observation.claim
        try:
            after, by_us = transitions.advance(self._storage, before, step)
        except StorageUnavailable as error:
            _log.error("cannot record %s: %s", before.transaction_id, error)
            observation.check_at = self._clock.time() + _UNKNOWN_CHECK_SECONDS
            return
        if after is None:
            self._due.set()  # to notice what else is lost
            return
        observation.update(after)
        if after.state.is_final:
            self._forget(before.transaction_id)
        if by_us and after.state is not before.state:
            self._changed(after)

    def _forget(self, transaction_id: str) -> None:
        with self._lock:
            self._observed.pop(transaction_id, None)

    # --- What a node answers ----------------------------------------------------------------

    def _accepted(self, observation: Observation) -> None:
        observation.trouble = None
        observation.check_at = self._clock.time() + _ACCEPTED_CHECK_SECONDS
        self._advance(observation, transitions.accept(self._clock.time()))

    def _rejected(self, observation: Observation, error: SubmissionRejected) -> None:
        """A refusal counts only if the ledger does not have the transaction all the same.

        An index lags behind its node, so that what spent the inputs may be the transaction itself,
        or another that is rolled back yet: then the chain decides.
        """
        claim = observation.claim
        self._outputs.forget(_inputs(claim))
        try:
            status = self._chain.transaction(claim.transaction_id)
            if isinstance(status, InBlock):
                # Not by us, unless by a claim that is lost.
                self._advance(observation, transitions.doubt(self._clock.time()))
                self._found(observation, status)
            elif isinstance(status, InMempool):
                self._accepted(observation)
            elif not error.inputs_missing or self._is_outspent(claim):
                self._advance(observation, transitions.reject(str(error), self._clock.time()))
        except ChainUnavailable as unavailable:
            _log.warning("asking for %s: %s", claim.transaction_id, unavailable)

    def _is_outspent(self, claim: Claim) -> bool:
        """Whether another transaction spent an input, in a block as deep as was promised here."""
        for status in self._chain.outputs(_inputs(claim)).values():
            if not isinstance(status, Spent) or status.by == claim.transaction_id:
                continue
            if status.by is None:
                return True
            where = self._follower.find(status.by) or self._chain.transaction(status.by)
            if isinstance(where, InBlock):
                return self._follower.follow().height - where.height >= claim.confirmations
        return False

    def _found(self, observation: Observation, where: InBlock) -> None:
        tip = self._follower.follow()
        observation.update(where=where)
        observation.check_at = self._clock.time() + _ACCEPTED_CHECK_SECONDS
        self._seen_at(observation, tip)

    # --- What must be asked by id -----------------------------------------------------------

    def _check_loop(self) -> None:
        next_scan = 0.0
        while not self._stopped.is_set():
            self._due.clear()
            try:
                if self._clock.time() >= next_scan:
                    next_scan = self._clock.time() + self._lease_seconds
                    self._take_up_open_claims()
                observed = self._all()
                if observed:
                    self._follower.follow()
                    with suppress(StorageUnavailable):  # whoever needs it tells that it is away
                        self._recovery.notice(observed)
                for observation in observed:
                    if observation.where is None and observation.check_at <= self._clock.time():
                        self._check(observation)
            except StorageUnavailable as error:
                _log.error("cannot look for open settlements: %s", error)
            except ChainUnavailable as error:
                _log.warning("cannot follow %s: %s", self._chain.network, error)
            except Exception as error:
                self._failed(error)
            self._due.wait(1.0)

    def _take_up_open_claims(self) -> None:
        now = self._clock.time()
        self._storage.forget_claims(now)
        for claim in self._storage.open_claims():
            if claim.network != self._chain.network or claim.lease_until > now:
                continue
            if claim.state is ClaimState.CLAIMED:
                self._storage.remove_claim(claim)
            elif claim.transaction_id not in self._observed:
                _log.info("taking up the settlement of %s", claim.transaction_id)
                self.observe(claim)

    def _check(self, observation: Observation) -> None:
        """Ask for the transaction by id; send it again if it is nowhere and may still land."""
        observation.checks += 1
        wait = min(_UNKNOWN_CHECK_SECONDS * 2.0 ** (observation.checks - 1), _MAX_CHECK_SECONDS)
        observation.check_at = self._clock.time() + wait
        tip = self._follower.follow()
        try:
            status = self._chain.transaction(observation.claim.transaction_id)
            if isinstance(status, InBlock):
                self._found(observation, status)
            elif isinstance(status, InMempool):
                self._accepted(observation)
            else:
                self._not_found(observation, tip)
        except ChainUnavailable as error:
            _log.warning("asking for %s: %s", observation.claim.transaction_id, error)

    def _not_found(self, observation: Observation, tip: Tip) -> None:
        if observation.where is not None:
            return  # the follower saw it in a block meanwhile
        now = self._clock.time()
        self._advance(observation, transitions.roll_back(now))
        claim = observation.claim
        if not self._is_still_open(observation):
            return
        if tip.point.slot < claim.invalid_hereafter:
            self._submit_again(observation)
        elif now >= self._chain.eras().start_ms(claim.invalid_hereafter) / 1000 + GRACE_SECONDS:
            self._advance(observation, transitions.expire(now))

    def _is_still_open(self, observation: Observation) -> bool:
        """Whether the stored claim is open: what another process has ended must not land now."""
        known = observation.claim
        stored = self._storage.claim(known.transaction_id)
        if stored is None or stored.version < known.version:
            return False  # lost, which is noticed in its turn
        observation.update(stored)
        if stored.state.is_final:
            self._forget(known.transaction_id)
        return is_open(stored)

    def _submit_again(self, observation: Observation) -> None:
        claim = observation.claim
        try:
            self._chain.submit(claim.transaction)
        except SubmissionRejected as error:
            # An earlier try may be on its way through a node that cannot be seen from here, so
            # only the chain or the end of its validity decides.
            _log.warning("submitting %s again: %s", claim.transaction_id, error)
            if error.inputs_missing and self._is_outspent(claim):
                self._advance(observation, transitions.reject(str(error), self._clock.time()))
        except SubmissionUnknown as error:
            _log.warning("submitting %s again: %s", claim.transaction_id, error)
        else:
            self._accepted(observation)


def _inputs(claim: Claim) -> Collection[OutputRef]:
    return decode_transaction(claim.transaction).body.inputs
