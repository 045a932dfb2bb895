"""Sends transactions to a node, and what becomes of their claims by its answer."""

import logging
from collections.abc import Collection

from facilitator.cardano.codec.transaction_decoder import decode_transaction
from facilitator.cardano.transaction import OutputRef
from facilitator.chain.followed_chain import FollowedChain
from facilitator.clock import Clock
from facilitator.exact.terms import MEMPOOL
from facilitator.roles.chain import (
    ChainUnavailable,
    InBlock,
    InMempool,
    Spent,
    SubmissionRejected,
    SubmissionUnknown,
)
from facilitator.roles.claim import Claim
from facilitator.settlement import transitions
from facilitator.settlement.tracking.claim_writer import ClaimWriter
from facilitator.settlement.tracking.confirmation import Confirmation
from facilitator.settlement.tracking.pending_settlement import (
    ACCEPTED_CHECK_SECONDS,
    UNKNOWN_CHECK_SECONDS,
    PendingSettlement,
)

_log = logging.getLogger("facilitator.settlement")


class Submission:
    """Submits observed claims. What is known afterwards is in the observation."""

    def __init__(
        self, chain: FollowedChain, recorder: ClaimWriter, confirmation: Confirmation, clock: Clock
    ) -> None:
        """Nothing is sent yet."""
        self._chain = chain.provider
        self._outputs = chain.outputs
        self._follower = chain.follower
        self._recorder = recorder
        self._confirmation = confirmation
        self._clock = clock

    def first(self, observation: PendingSettlement) -> None:
        """Send what was just marked ``submitted``, once.

        Without a definite answer the claim stays open.
        """
        claim = observation.claim
        try:
            self._follower.follow()
            self._chain.submit(claim.transaction)
        except SubmissionRejected as error:
            self._ask_soon(observation)
            self._rejected(observation, error)
        except ChainUnavailable as error:
            _log.warning("submitting %s: %s", claim.transaction_id, error)
            self._ask_soon(observation)
            is_unknown = isinstance(error, SubmissionUnknown)
            outcome = "whether a node has it is not known" if is_unknown else "no node has it yet"
            observation.trouble = f"{outcome}: {error}"
        else:
            self.accepted(observation)

    def again(self, observation: PendingSettlement) -> None:
        """Send the same bytes once more. Raises :class:`ChainUnavailable`."""
        claim = observation.claim
        try:
            self._chain.submit(claim.transaction)
        except SubmissionRejected as error:
            # An earlier try may be on its way through a node that cannot be seen from here, so
            # only the chain or the end of its validity decides.
            _log.warning("submitting %s again: %s", claim.transaction_id, error)
            if error.inputs_missing and self._is_outspent(claim):
                self._reject(observation, error)
        except SubmissionUnknown as error:
            _log.warning("submitting %s again: %s", claim.transaction_id, error)
        else:
            self.accepted(observation)

    def accepted(self, observation: PendingSettlement) -> None:
        """Take in that a node has it."""
        observation.trouble = None
        now = self._clock.time()
        observation.check_at = now + ACCEPTED_CHECK_SECONDS
        self._recorder.advance(observation, transitions.accept(now))

    def _ask_soon(self, observation: PendingSettlement) -> None:
        observation.check_at = self._clock.time() + UNKNOWN_CHECK_SECONDS

    def _rejected(self, observation: PendingSettlement, error: SubmissionRejected) -> None:
        """A refusal counts only if the ledger does not have the transaction all the same.

        An index lags behind its node, so that what spent the inputs may be the transaction itself,
        or another that is rolled back yet: then the chain decides.
        """
        claim = observation.claim
        doubt = transitions.doubt(observation.owner, self._clock.time())
        self._outputs.forget(_inputs(claim))
        try:
            status = self._chain.transaction(claim.transaction_id)
            if isinstance(status, InBlock):
                # Not by us, unless by a claim that is lost.
                self._recorder.advance(observation, doubt)
                self._confirmation.found(observation, status)
            elif isinstance(status, InMempool):
                if claim.confirmations == MEMPOOL:
                    self._recorder.advance(observation, doubt)
                self.accepted(observation)
            elif error.inputs_missing:
                if self._is_outspent(claim):
                    self._reject(observation, error)
            elif self._is_surely_valid_now(claim):
                self._reject(observation, error)
        except ChainUnavailable as unavailable:
            _log.warning("asking for %s: %s", claim.transaction_id, unavailable)

    def _reject(self, observation: PendingSettlement, error: SubmissionRejected) -> None:
        step = transitions.reject(str(error), observation.owner, self._clock.time())
        self._recorder.advance(observation, step)

    def _is_surely_valid_now(self, claim: Claim) -> bool:
        """Return whether a node cannot have refused it for the time.

        One whose newest block is older than the validity's start refuses what may land soon; and
        what it refuses as the validity ends may be in a block that it has not seen yet.
        """
        start = decode_transaction(claim.transaction).body.invalid_before or 0
        now = self._chain.eras().slot_at(int(self._clock.time() * 1000))
        return start <= self._follower.follow().point.slot and now < claim.invalid_hereafter

    def _is_outspent(self, claim: Claim) -> bool:
        """Whether another transaction spent an input, in a block as deep as was promised here.

        An output that is not there is no proof of that without its spender: this transaction may
        have spent it, or a rollback have taken it, which brings it back.
        """
        for status in self._chain.outputs(_inputs(claim)).values():
            if not isinstance(status, Spent) or status.by in (None, claim.transaction_id):
                continue
            where = self._follower.find(status.by) or self._chain.transaction(status.by)
            if isinstance(where, InBlock) and not self._follower.is_orphaned(where):
                return self._follower.follow().height - where.height >= claim.confirmations
        return False


def _inputs(claim: Claim) -> Collection[OutputRef]:
    return decode_transaction(claim.transaction).body.inputs
