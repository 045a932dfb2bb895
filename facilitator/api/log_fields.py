"""The fields of a payment in the log line of its request.

Callers choose most of the texts, so each is cut to what a right one could hold.
"""

from facilitator.observability.logs import describe_request
from facilitator.x402.messages import PaymentRequest, SettleResponse, VerifyResponse

_LONGEST = 160
_LONGEST_DETAIL = 400


def describe_terms(request: PaymentRequest) -> None:
    """Have the line show what the requirements name."""
    terms = request.requirements
    describe_request(
        network=terms.network[:_LONGEST],
        payTo=terms.pay_to[:_LONGEST],
        amount=terms.amount[:_LONGEST],
        asset=terms.asset[:_LONGEST],
    )


def describe_verdict(response: VerifyResponse) -> None:
    """Have the line show the verdict."""
    describe_request(isValid=response.is_valid, **_outcome(response))


def describe_settlement(response: SettleResponse) -> None:
    """Have the line show the outcome of a settlement as it is answered."""
    describe_request(success=response.success, **_outcome(response))


def _outcome(response: VerifyResponse | SettleResponse) -> dict[str, str]:
    fields = {} if response.payer is None else {"payer": response.payer}
    if response.reason is not None:
        fields["reason"] = str(response.reason)
        fields["detail"] = (response.message or "")[:_LONGEST_DETAIL]
    return fields
