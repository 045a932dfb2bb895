"""A payment as plugins see it, without a server."""

from facilitator.roles.payment import PaymentView, Terms
from facilitator.x402.messages import Requirements, VerifyResponse
from facilitator.x402.networks import PREPROD

EXTRA = {"assetTransferMethod": "default"}
REQUIREMENTS = Requirements("exact", PREPROD.id, "1", "lovelace", "addr_test1", 60, EXTRA)
TERMS = Terms(
    network=PREPROD,
    asset=None,
    amount=1,
    pay_to=b"\x60" + bytes(28),
    max_timeout_seconds=60,
    confirmations=1,
    method="default",
    requirements=REQUIREMENTS,
)
PAYMENT = PaymentView("ab" * 32, TERMS)
VALID = VerifyResponse(is_valid=True)
