"""Sends transactions to a node, and what becomes of their claims by its answer."""

import logging
from collections.abc import Collection

from facilitator.cardano.decode import decode_transaction
from facilitator.cardano.transaction import OutputRef
from facilitator.chain.followed import FollowedChain
from facilitator.clock import Clock
from facilitator.roles.chain import (
    ChainUnavailable,
    InBlock,
    InMempool,
    Spent,
    SubmissionRejected,
    SubmissionUnknown,
)
from facilitator.settlement import transitions
from facilitator.settlement.claim import Claim
from facilitator.settlement.confirmation import ACCEPTED_CHECK_SECONDS, Confirmation
from facilitator.settlement.observation import Observation
from facilitator.settlement.recording import Recorder

_log = logging.getLogger("facilitator.settlement")


class Submission:
    """Submits observed claims. What is known afterwards is in the observation."""

    def __init__(
        self, chain: FollowedChain, recorder: Recorder, confirmation: Confirmation, clock: Clock
    ) -> None:
        """Nothing is sent yet."""
        self._chain = chain.provider
        self._outputs = chain.outputs
        self._follower = chain.follower
        self._recorder = recorder
        self._confirmation = confirmation
        self._clock = clock

    def first(self, observation: Observation) -> None:
        """Send what was just marked ``submitted``, once.

        Without a definite answer the claim stays open.
        """
        claim = observation.claim
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
            self.accepted(observation)

    def again(self, observation: Observation) -> None:
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

    def accepted(self, observation: Observation) -> None:
        """Take in that a node has it."""
        observation.trouble = None
        now = self._clock.time()
        observation.check_at = now + ACCEPTED_CHECK_SECONDS
        self._recorder.advance(observation, transitions.accept(now))

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
                self._recorder.advance(observation, transitions.doubt(self._clock.time()))
                self._confirmation.found(observation, status)
            elif isinstance(status, InMempool):
                self.accepted(observation)
            elif not error.inputs_missing or self._is_outspent(claim):
                self._reject(observation, error)
        except ChainUnavailable as unavailable:
            _log.warning("asking for %s: %s", claim.transaction_id, unavailable)

    def _reject(self, observation: Observation, error: SubmissionRejected) -> None:
        step = transitions.reject(str(error), self._clock.time())
        self._recorder.advance(observation, step)

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


def _inputs(claim: Claim) -> Collection[OutputRef]:
    return decode_transaction(claim.transaction).body.inputs
