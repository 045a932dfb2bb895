"""The details of a payment that its claim keeps for the payment ledger."""

from facilitator.payments.admission import Names
from facilitator.roles.payment_record import PaymentDetails
from facilitator.roles.scheme import SchemePayment


def encode_details(payment: SchemePayment, names: Names, request_id: str) -> bytes:
    """Return the details of a payment that the caller of these names settles, as a claim has them.

    ``request_id`` is that of the call.
    """
    requirements = payment.terms.requirements
    resource = (payment.origin.resource or {}).get("url")
    return PaymentDetails(
        pay_to=requirements.pay_to,
        asset=requirements.asset,
        method=payment.terms.method,
        fee=payment.fee,
        resource=resource if isinstance(resource, str) else "",
        caller=names.caller or "",
        client=names.client,
        identifier=names.identifier or "",
        terms={
            "maxTimeoutSeconds": requirements.max_timeout_seconds,
            "extra": dict(requirements.extra),
        },
        request_id=request_id,
    ).encode()
