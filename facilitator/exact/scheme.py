"""``exact`` as a scheme: one transaction pays the whole amount (``scheme_exact_cardano.md``)."""

from collections.abc import Mapping
from typing import Any

from facilitator.exact.payment import Payment
from facilitator.exact.single_use import single_uses
from facilitator.exact.sponsorship import require_signatures
from facilitator.exact.terms import MAX_CONFIRMATIONS
from facilitator.exact.verification import Verifier
from facilitator.roles.claim import NO_END, Claim
from facilitator.roles.payment import MEMPOOL, Origin
from facilitator.roles.scheme import Answer, SchemePayment, UniqueTerms, Verified
from facilitator.x402.fee_sponsor import ACCEPTS_WITNESSES, IS_SPONSORED
from facilitator.x402.messages import PaymentRequest


class ExactScheme:
    """Implements :class:`~facilitator.roles.scheme.Scheme` and ``VerifiesLanded``."""

    def __init__(self, verifier: Verifier) -> None:
        """Judge payments by ``verifier``."""
        self._verifier = verifier
        self._kind = {
            "assetTransferMethods": list(verifier.methods),
            IS_SPONSORED: False,
            ACCEPTS_WITNESSES: True,
            "l1Confirmations": {
                "minimum": MEMPOOL if verifier.policy.accept_mempool else 0,
                "maximum": MAX_CONFIRMATIONS,
            },
        }

    def kind(self, network: str) -> Mapping[str, Any] | None:
        """Return the transfer methods, and what requirements may ask for."""
        return self._kind if network in self._verifier.networks else None

    def read(self, request: PaymentRequest, origin: Origin) -> SchemePayment:
        """Return the payment, decoded."""
        payment = self._verifier.parse(request, origin)
        body = payment.transaction.body
        return SchemePayment(
            terms=payment.terms,
            transaction_id=payment.transaction_id,
            transaction=payment.transaction.raw,
            inputs=single_uses(body, payment.terms.network.id),
            invalid_hereafter=NO_END if body.invalid_hereafter is None else body.invalid_hereafter,
            fee=body.fee,
            origin=origin,
            content=payment,
        )

    def prepare(self, payment: SchemePayment) -> SchemePayment:
        """Return the payment: exactly what was signed is submitted, by a sponsor as well."""
        require_signatures(_content(payment))
        return payment

    def check(self, payment: SchemePayment) -> None:
        """Check all that the bytes show."""
        self._verifier.check_static(_content(payment))

    def unique_terms(self, payment: SchemePayment) -> UniqueTerms | None:
        """Return those of the transfer method."""
        return self._verifier.unique_terms(_content(payment))

    def verify(self, payment: SchemePayment) -> Verified:
        """Return the owner of the input that ``nonce`` names."""
        return self._verifier.check_ledger(_content(payment))

    def verify_landed(self, payment: SchemePayment) -> Mapping[str, Any]:
        """Check that what the transfer method locked is there still."""
        self._verifier.check_landed(_content(payment))
        return {}

    def answer(self, claim: Claim) -> Answer:
        """Return the amount that the requirements asked for."""
        return Answer(claim.amount)


def _content(payment: SchemePayment) -> Payment:
    content: Payment = payment.content
    return content
