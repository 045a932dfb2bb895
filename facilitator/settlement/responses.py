"""The responses of ``/settle``, from the state of a claim."""

from typing import Any

import orjson

from facilitator.roles.claim import Claim, ClaimState
from facilitator.roles.refused import Refused
from facilitator.roles.scheme import Answer, SchemePayment
from facilitator.x402.messages import PaymentRequest, SettleResponse
from facilitator.x402.reasons import Reason


def success(claim: Claim, depth: int | None, answer: Answer) -> SettleResponse:
    """Return the success, with the strongest evidence known and the scheme's ``answer``.

    ``depth`` is what this process has seen; the process that settled it may have seen more.
    """
    depths = [each for each in (depth, claim.depth) if each is not None]
    evidence = (
        {"status": "confirmed", "confirmations": max(depths)}
        if depths
        else {"status": "mempool", "confirmations": -1}
    )
    extra = {**answer.extra, **evidence}
    return _response(claim, success=True, amount=answer.amount, extra=extra)


def repeated(answer: bytes) -> SettleResponse:
    """Return the success exactly as it was delivered before."""
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
    """Return "not decided"; ``trouble`` is why no node is known to have the transaction."""
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


def busy(payment: SchemePayment) -> SettleResponse:
    """Return "not submitted by this call": another caller does it, or the turn did not come."""
    return SettleResponse(
        success=False,
        network=payment.terms.network.id,
        transaction=payment.transaction_id,
        reason=Reason.PENDING,
        message="nothing was submitted by this call yet. Repeat the call to go on waiting",
        extra={"status": "pending", "transactionId": payment.transaction_id},
    )


def duplicate(claim: Claim, why: str) -> SettleResponse:
    """Return that the one success of the transaction is not for this caller, and why."""
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
    """Return that a node refused the transaction for good."""
    return _response(
        claim,
        success=False,
        reason=Reason.DEFINITIVELY_REJECTED,
        message=f"the ledger rejected the transaction: {claim.error}",
        extra={"status": "rejected"},
    )


def expired(claim: Claim) -> SettleResponse:
    """Return that the validity ended without the ledger recording the transaction."""
    return _response(
        claim,
        success=False,
        reason=Reason.SETTLEMENT_FAILED,
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
    amount: str | None = None,
    reason: Reason | None = None,
    message: str | None = None,
    extra: dict[str, Any],
) -> SettleResponse:
    return SettleResponse(
        success=success,
        network=claim.network,
        transaction=claim.transaction_id,
        payer=claim.payer or None,
        amount=amount,
        reason=reason,
        message=message,
        extra=extra,
    )


def refused(request: PaymentRequest, payment: SchemePayment | None, why: Refused) -> SettleResponse:
    """Return that the payment is refused; ``payment`` is it if it could be read."""
    return SettleResponse(
        success=False,
        network=payment.terms.network.id if payment else request.requirements.network,
        transaction=payment.transaction_id if payment else "",
        payer=why.payer,
        reason=why.reason,
        message=why.message,
        extra=why.extra,
    )
