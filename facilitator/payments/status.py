"""The responses of ``/status``."""

from collections.abc import Mapping
from typing import Any

from facilitator.roles.chain import ChainProvider, InBlock, InMempool
from facilitator.roles.claim import Claim, ClaimState, Delivery
from facilitator.settlement.responses import status_of


def claim_status(claim: Claim, depth: int | None) -> Mapping[str, Any]:
    """Return the state of a transaction with a claim; ``depth`` is in newer blocks."""
    status: dict[str, Any] = {
        "transaction": claim.transaction_id,
        "network": claim.network,
        "status": status_of(claim),
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
