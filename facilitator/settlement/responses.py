"""The answers of ``/settle`` that a claim gives."""

from typing import Any

import orjson

from facilitator.exact.payment import Payment
from facilitator.roles.claim import Claim, ClaimState
from facilitator.x402.messages import SettleResponse
from facilitator.x402.reasons import Reason


def success(claim: Claim, depth: int | None) -> SettleResponse:
    """Return the payment is settled; the strongest evidence known is reported.

    ``depth`` is what this process has seen; another one, which settled it, may have seen more.
    """
    depths = [each for each in (depth, claim.depth) if each is not None]
    evidence = (
        {"status": "confirmed", "confirmations": max(depths)}
        if depths
        else {"status": "mempool", "confirmations": -1}
    )
    return _response(claim, success=True, extra=evidence)


def repeated(answer: bytes) -> SettleResponse:
    """Return the success exactly as it was told before."""
    fields: dict[str, Any] = orjson.loads(answer)
    return SettleResponse(
        success=True,
        network=fields["network"],
        transaction=fields["transaction"],
        payer=fields.get("payer"),
        amount=fields.get("amount"),
        extra=fields["extra"],
    )


def pending(claim: Claim, depth: int | None, trouble: str | None = None) -> SettleResponse:
    """Not decided yet; ``trouble`` is why no node is known to have the transaction."""
    extra: dict[str, Any] = {"status": "pending", "transactionId": claim.transaction_id}
    if depth is not None:
        extra["confirmations"] = depth
        stands = f"submitted; {depth} newer blocks yet, {claim.confirmations} are required"
    elif trouble is not None:
        stands = trouble
    else:
        stands = f"submitted; not in a block yet, {claim.confirmations} are required"
    return _response(
        claim,
        success=False,
        reason=Reason.PENDING,
        message=f"{stands}. Repeat the call to go on waiting",
        extra=extra,
    )


def busy(payment: Payment) -> SettleResponse:
    """Another caller is about to submit the same payment, or this one's turn did not come."""
    return SettleResponse(
        success=False,
        network=payment.terms.network.id,
        transaction=payment.transaction_id,
        reason=Reason.PENDING,
        message="nothing was submitted by this call yet. Repeat the call to go on waiting",
        extra={"status": "pending", "transactionId": payment.transaction_id},
    )


def duplicate(claim: Claim, why: str) -> SettleResponse:
    """Return this transaction's one success is not for this caller."""
    extra: dict[str, Any] = {
        "status": status_of(claim),
        "transactionId": claim.transaction_id,
    }
    if claim.depth is not None:
        extra["confirmations"] = claim.depth
    return _response(
        claim,
        success=False,
        reason=Reason.DUPLICATE,
        message=f"this transaction cannot be reported as a success here: {why}",
        extra=extra,
    )


def rejected(claim: Claim) -> SettleResponse:
    """Return a node refused it for good."""
    return _response(
        claim,
        success=False,
        reason=Reason.DEFINITIVELY_REJECTED,
        message=f"the ledger rejected the transaction: {claim.error}",
        extra={"status": "rejected"},
    )


def expired(claim: Claim) -> SettleResponse:
    """Return its validity ended without the ledger recording it."""
    return _response(
        claim,
        success=False,
        reason=Reason.NOT_CONFIRMED,
        message=(
            f"the transaction's validity ended at slot {claim.invalid_hereafter} without the "
            "ledger recording it; it can no longer land"
        ),
        extra={"status": "expired"},
    )


def status_of(claim: Claim) -> str:
    """Return the claim's state in the words of ``/status``."""
    match claim.state:
        case ClaimState.SETTLED:
            return "confirmed"
        case ClaimState.REJECTED | ClaimState.EXPIRED:
            return claim.state.value
        case _:
            return "pending"


def _response(
    claim: Claim,
    *,
    success: bool,
    reason: Reason | None = None,
    message: str | None = None,
    extra: dict[str, Any],
) -> SettleResponse:
    return SettleResponse(
        success=success,
        network=claim.network,
        transaction=claim.transaction_id,
        payer=claim.payer or None,
        amount=claim.amount if success else None,
        reason=reason,
        message=message,
        extra=extra,
    )
