"""The verdict of ``/verify`` on a payment that has a claim."""

from facilitator.roles.claim import Claim, ClaimState, Delivery
from facilitator.roles.refused import Refused
from facilitator.roles.scheme import SchemePayment
from facilitator.x402.reasons import Reason


def payer_from_claim(payment: SchemePayment, claim: Claim) -> str:
    """Return the payer of a payment that is being settled, so that a paid retry can resume it.

    Raises :class:`Refused`.
    """
    if claim.state is ClaimState.REJECTED:
        raise Refused(
            Reason.DEFINITIVELY_REJECTED, f"the ledger rejected this transaction: {claim.error}"
        )
    if claim.state is ClaimState.EXPIRED:
        raise Refused(Reason.TTL_EXPIRED, "this transaction's validity ended; it did not land")
    if claim.requirements != payment.fingerprint:
        why = "this transaction settles other requirements, or another message"
        raise Refused(Reason.DUPLICATE, why, claim.payer)
    if claim.delivery is Delivery.UNKNOWN:
        lost = "whether this transaction's success was reported is not known: its record was lost"
        raise Refused(Reason.DUPLICATE, lost, claim.payer or None)
    if claim.delivery is Delivery.DELIVERED:
        raise Refused(Reason.DUPLICATE, "this transaction is already settled", claim.payer)
    return claim.payer
