"""Sends transactions to a node, and records what its answer means for their claims."""

import logging
from collections.abc import Collection

from facilitator.cardano.codec.dijkstra.any_era import decode_any_era
from facilitator.cardano.refusals import Proof
from facilitator.cardano.transaction import OutputRef
from facilitator.chain.recent_blocks import status_of
from facilitator.roles.chain import InBlock, InMempool, NotFound, Spent
from facilitator.roles.chain_errors import ChainUnavailable, SubmissionRejected, SubmissionUnknown
from facilitator.roles.claim import Claim
from facilitator.settlement import transitions
from facilitator.settlement.tracking.confirmation import Confirmation
from facilitator.settlement.tracking.pending_settlement import (
    PendingSettlement,
)
from facilitator.settlement.tracking.tracked_network import TrackedNetwork

_UNKNOWN = "whether a node has it is not known"
_NOT_SENT = "no node has it yet"
_NOT_FINAL = "a node does not take it now, which is not final"
"""Outcomes of a submission, for the callers that wait."""

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
        claim, owner = pending.claim, pending.owner
        try:
            self._follower.follow()
            self._send(claim)
        except SubmissionRejected as error:
            _log.warning("submitting %s: %s", claim.transaction_id, error)
            self._refused(pending, owner, error)
        except ChainUnavailable as error:
            _log.warning("submitting %s: %s", claim.transaction_id, error.detail)
            is_unknown = isinstance(error, SubmissionUnknown)
            self._not_accepted(pending, _UNKNOWN if is_unknown else _NOT_SENT, error)
            if not is_unknown:
                self._not_taken(pending, owner, _NOT_SENT, error)
        else:
            self.accepted(pending)

    def again(self, pending: PendingSettlement, *, may_be_taken: bool) -> None:
        """Send the same bytes once more. Raises :class:`ChainUnavailable`.

        ``may_be_taken`` is False if no node took them when they were sent before.
        """
        claim, owner = pending.claim, pending.owner
        try:
            self._send(claim)
        except SubmissionRejected as error:
            _log.warning("submitting %s again: %s", claim.transaction_id, error)
            if may_be_taken:
                # An earlier try may be on its way through a node that cannot be seen from here, so
                # only the chain or the end of its validity decides.
                self._reject_if_outspent(pending, owner, error)
            else:
                self._refused(pending, owner, error)
        except SubmissionUnknown as error:
            _log.warning("submitting %s again: %s", claim.transaction_id, error)
        except ChainUnavailable as error:
            if not may_be_taken:
                self._not_taken(pending, owner, _NOT_SENT, error)
            raise
        else:
            self.accepted(pending)

    def _send(self, claim: Claim) -> None:
        """Hand the bytes to the provider. Raises what that raises.

        Raises :class:`SubmissionUnknown` for the id of another transaction as well: then a node has
        taken that one, or the answer is another call's.
        """
        reported = self._chain.submit(claim.transaction)
        if reported != claim.transaction_id:
            raise SubmissionUnknown(f"the provider reported the id {reported}, which is another's")

    def accepted(self, pending: PendingSettlement) -> None:
        """Record that a node has taken the transaction from here."""
        now = self._clock.time()
        pending.accepted(now)
        self._writer.advance(pending, transitions.accept(now))

    def found_waiting(self, pending: PendingSettlement) -> None:
        """Record that the transaction waits in the mempool of a node."""
        now = self._clock.time()
        pending.accepted(now)
        self._writer.advance(pending, transitions.find(now))

    def _refused(self, pending: PendingSettlement, owner: str, error: SubmissionRejected) -> None:
        """Record a refusal of the first submission that came to a node, if it proves enough.

        The ledger may have the transaction all the same: an index lags behind its node, and what
        spent the inputs may be the transaction itself. Where the refusal proves nothing, the
        transaction is looked for by id before it is sent again.
        """
        claim = pending.claim
        if error.proves is Proof.NOTHING:
            self._not_accepted(pending, _UNKNOWN, error)
            return
        self._not_accepted(pending, _NOT_FINAL, error)
        inputs_missing = error.proves is Proof.INPUTS
        self._utxo_cache.forget(_inputs(claim))
        try:
            status = status_of(self._chain, claim)
            if inputs_missing and isinstance(status, NotFound):
                # A provider that asks for blocks first and for the mempool then misses what moves
                # from the one into the other meanwhile.
                status = status_of(self._chain, claim)
            if inputs_missing and isinstance(status, InBlock | InMempool):
                # A node had it before this submission: another facilitator may have sent it
                # and delivered its success, or this one by a claim that is lost.
                self._not_taken(pending, owner, _NOT_FINAL, error)
            if isinstance(status, InBlock):
                self._confirmation.found_in(pending, status)
            elif isinstance(status, InMempool):
                self.found_waiting(pending)
            elif inputs_missing:
                self._reject_if_outspent(pending, owner, error)
            elif self._is_final(claim, error.proves):
                self._reject(pending, owner, str(error))
        except ChainUnavailable as unavailable:
            _log.warning("asking for %s: %s", claim.transaction_id, unavailable)

    def _not_taken(
        self, pending: PendingSettlement, owner: str, outcome: str, error: Exception
    ) -> None:
        """Record that no node took it from here: found all the same, it is another's."""
        step = transitions.not_taken(owner, f"{outcome}: {error}", self._clock.time())
        self._writer.advance(pending, step)

    def _not_accepted(self, pending: PendingSettlement, outcome: str, error: Exception) -> None:
        pending.not_accepted(f"{outcome}: {error}", self._clock.time())

    def _is_final(self, claim: Claim, proof: Proof) -> bool:
        """Return True if the transaction, which no node is known to have, can no longer land.

        What a node refuses as the validity ends may be in a block that is not followed yet.
        """
        if proof is Proof.EXPIRED:
            return self._follower.follow().point.slot >= claim.invalid_hereafter
        return proof.is_final

    def _reject_if_outspent(
        self, pending: PendingSettlement, owner: str, error: SubmissionRejected
    ) -> None:
        spender = self._find_spender(pending.claim)
        if spender is not None:
            why = f"{error}; the transaction {spender} spent an input of it"
            self._writer.advance(pending, transitions.outspend(why, owner, self._clock.time()))

    def _reject(self, pending: PendingSettlement, owner: str, reason: str) -> None:
        step = transitions.reject(reason, owner, self._clock.time())
        self._writer.advance(pending, step)

    def _find_spender(self, claim: Claim) -> str | None:
        """Return another transaction that spent an input, in a block as deep as promised.

        An absent output is no proof of that without its spender: this transaction may have spent
        it, or a rollback may have taken it, which brings it back.
        """
        for status in self._chain.outputs(_inputs(claim)).values():
            if not isinstance(status, Spent) or status.by in (None, claim.transaction_id):
                continue
            where = self._follower.find(status.by) or self._chain.transaction(status.by)
            if isinstance(where, InBlock) and not self._follower.is_orphaned(where):
                is_deep = self._follower.follow().height - where.height >= claim.confirmations
                return status.by if is_deep else None
        return None


def _inputs(claim: Claim) -> Collection[OutputRef]:
    return decode_any_era(claim.transaction).body.inputs
