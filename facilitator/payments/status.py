"""The state of transactions, and the responses of ``/status``."""

from collections.abc import Mapping
from typing import Any

from facilitator.payments.allowances import Allowances
from facilitator.roles.chain import ChainProvider, InBlock, InMempool
from facilitator.roles.claim import Claim, ClaimState, Delivery
from facilitator.roles.scheme import SchemePayment
from facilitator.roles.storage import Storage
from facilitator.settlement import responses
from facilitator.settlement.tracking.tracker import Tracker
from facilitator.x402.messages import SettleResponse

_STATUS = "/status"
"""The client in whose name unknown transactions are asked for."""

_PENDING = (ClaimState.SUBMITTED, ClaimState.INCLUDED, ClaimState.SETTLED)
"""The states in which a caller can only wait for the success, or for its delivery."""


class Statuses:
    """The state of transactions by their claims, else by the chains."""

    def __init__(
        self,
        storage: Storage,
        trackers: Mapping[str, Tracker],
        chains: Mapping[str, ChainProvider],
        allowances: Allowances,
    ) -> None:
        """Take the trackers and the chains by their networks."""
        self._storage = storage
        self._trackers = trackers
        self._chains = chains
        self._allowances = allowances

    def of(self, transaction_id: str) -> Mapping[str, Any]:
        """Return the state of any transaction.

        Raises :class:`~facilitator.roles.storage.StorageUnavailable` and
        :class:`~facilitator.roles.chain_errors.ChainUnavailable`.
        """
        claim = self._storage.claim(transaction_id)
        if claim is not None:
            claim = self.corrected(claim)
            return claim_status(claim, self.depth(claim))
        with self._allowances.open(_STATUS):
            return chain_status(transaction_id, self._chains)

    def pending(self, payment: SchemePayment) -> SettleResponse | None:
        """Return that the payment is being settled, if its claim shows it; else ``None``.

        It needs no chain. Raises :class:`~facilitator.roles.storage.StorageUnavailable`.
        """
        claim = self._storage.claim(payment.transaction_id)
        if claim is None or claim.state not in _PENDING:
            return None
        if claim.requirements != payment.fingerprint:
            return None
        return responses.pending(claim, self.depth(claim))

    def corrected(self, claim: Claim) -> Claim:
        """Return the claim, corrected if it was given up and the chain shows its transaction."""
        tracker = self._trackers.get(claim.network)
        return claim if tracker is None else tracker.correct(claim)

    def depth(self, claim: Claim) -> int | None:
        """Return the depth of its block as far as is known; its network may not be served now."""
        tracker = self._trackers.get(claim.network)
        return claim.depth if tracker is None else tracker.depth(claim)


def claim_status(claim: Claim, depth: int | None) -> Mapping[str, Any]:
    """Return the state of a transaction with a claim; ``depth`` is in newer blocks."""
    status: dict[str, Any] = {
        "transaction": claim.transaction_id,
        "network": claim.network,
        "status": responses.status_of(claim),
        "settled": claim.state is ClaimState.SETTLED and claim.delivery is not Delivery.UNKNOWN,
    }
    if depth is not None:
        status["confirmations"] = depth
    if claim.block is not None:
        status["block"] = claim.block
    if claim.error is not None:
        status["message"] = claim.error
    return status


def chain_status(transaction_id: str, chains: Mapping[str, ChainProvider]) -> Mapping[str, Any]:
    """Return the state of a transaction without a claim, as the chains show it.

    Raises :class:`~facilitator.roles.chain_errors.ChainUnavailable`.
    """
    for network, chain in chains.items():
        found = chain.transaction(transaction_id)
        known = {"transaction": transaction_id, "network": network, "settled": False}
        if isinstance(found, InMempool):
            return {**known, "status": "pending"}
        if isinstance(found, InBlock):
            return {
                **known,
                "status": "confirmed",
                "confirmations": max(0, chain.tip().height - found.height),
                "block": found.point.block,
            }
    return {"transaction": transaction_id, "status": "not_found", "settled": False}
