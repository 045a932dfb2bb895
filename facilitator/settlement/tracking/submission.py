"""Sends transactions to a node, and records what its answer means for their claims."""

import logging
from collections.abc import Collection

from facilitator.cardano.codec.transaction_decoder import decode_transaction
from facilitator.cardano.transaction import OutputRef
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
from facilitator.settlement.tracking.confirmation import Confirmation
from facilitator.settlement.tracking.pending_settlement import (
    UNKNOWN_CHECK_SECONDS,
    PendingSettlement,
)
from facilitator.settlement.tracking.tracked_network import TrackedNetwork

_log = logging.getLogger("facilitator.settlement")


class Submission:
    """Submits the transactions of pending settlements, which then hold the outcome."""

    def __init__(self, network: TrackedNetwork, confirmation: Confirmation) -> None:
        """Send to the network's provider; ``confirmation`` takes what is found in a block."""
        self._chain = network.chain.provider
        self._utxo_cache = network.chain.outputs
        self._follower = network.chain.follower
        self._writer = network.writer
        self._confirmation = confirmation
        self._clock = network.clock

    def first(self, pending: PendingSettlement) -> None:
        """Send what was just marked ``submitted``, once.

        Without a definite answer the claim stays open.
        """
        claim = pending.claim
        try:
            self._follower.follow()
            self._chain.submit(claim.transaction)
        except SubmissionRejected as error:
            pending.schedule_check(self._clock.time() + UNKNOWN_CHECK_SECONDS)
            self._rejected(pending, error)
        except ChainUnavailable as error:
            _log.warning("submitting %s: %s", claim.transaction_id, error)
            is_unknown = isinstance(error, SubmissionUnknown)
            outcome = "whether a node has it is not known" if is_unknown else "no node has it yet"
            pending.not_accepted(f"{outcome}: {error}", self._clock.time())
        else:
            self.accepted(pending)

    def again(self, pending: PendingSettlement) -> None:
        """Send the same bytes once more. Raises :class:`ChainUnavailable`."""
        claim = pending.claim
        try:
            self._chain.submit(claim.transaction)
        except SubmissionRejected as error:
            # An earlier try may be on its way through a node that cannot be seen from here, so
            # only the chain or the end of its validity decides.
            _log.warning("submitting %s again: %s", claim.transaction_id, error)
            if error.inputs_missing and self._is_outspent(claim):
                self._reject(pending, error)
        except SubmissionUnknown as error:
            _log.warning("submitting %s again: %s", claim.transaction_id, error)
        else:
            self.accepted(pending)

    def accepted(self, pending: PendingSettlement) -> None:
        """Record that a node has the transaction."""
        now = self._clock.time()
        pending.accepted(now)
        self._writer.advance(pending, transitions.accept(now))

    def _rejected(self, pending: PendingSettlement, error: SubmissionRejected) -> None:
        """Record a refusal, unless the ledger has the transaction all the same.

        An index lags behind its node. What spent the inputs may be the transaction itself, or
        another one that is rolled back yet: then the chain decides.
        """
        claim = pending.claim
        doubt = transitions.doubt(pending.owner, self._clock.time())
        self._utxo_cache.forget(_inputs(claim))
        try:
            status = self._chain.transaction(claim.transaction_id)
            if isinstance(status, InBlock | InMempool):
                # A node had it before this first submission: another facilitator may have sent it
                # and delivered its success, or this one by a claim that is lost.
                self._writer.advance(pending, doubt)
            if isinstance(status, InBlock):
                self._confirmation.found_in(pending, status)
            elif isinstance(status, InMempool):
                self.accepted(pending)
            elif error.inputs_missing:
                if self._is_outspent(claim):
                    self._reject(pending, error)
            elif self._is_surely_valid_now(claim):
                self._reject(pending, error)
        except ChainUnavailable as unavailable:
            _log.warning("asking for %s: %s", claim.transaction_id, unavailable)

    def _reject(self, pending: PendingSettlement, error: SubmissionRejected) -> None:
        step = transitions.reject(str(error), pending.owner, self._clock.time())
        self._writer.advance(pending, step)

    def _is_surely_valid_now(self, claim: Claim) -> bool:
        """Return True if a node cannot have refused the transaction because of the time.

        A node whose newest block is older than the validity's start refuses what may land soon.
        What it refuses as the validity ends may be in a block that it has not seen yet.
        """
        start = decode_transaction(claim.transaction).body.invalid_before or 0
        now = self._chain.eras().slot_at(int(self._clock.time() * 1000))
        return start <= self._follower.follow().point.slot and now < claim.invalid_hereafter

    def _is_outspent(self, claim: Claim) -> bool:
        """Return True if a block as deep as promised holds another transaction over an input.

        An absent output is no proof of that without its spender: this transaction may have spent
        it, or a rollback may have taken it, which brings it back.
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
