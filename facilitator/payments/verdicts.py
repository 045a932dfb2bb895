"""The verdict of ``/verify`` on a payment whose bytes are right."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace

from facilitator.api.service import ServiceUnavailable
from facilitator.payments.admission import Admission, Gate, ask
from facilitator.payments.bindings import Bindings
from facilitator.payments.claim_verdict import payer_from_claim
from facilitator.payments.idempotency import check_identifier, payment_identifier
from facilitator.payments.reservations import Reservations
from facilitator.payments.schemes import Schemes
from facilitator.payments.unique_terms import TermsRegistry
from facilitator.roles.chain import ChainProvider
from facilitator.roles.chain_errors import ChainUnavailable
from facilitator.roles.claim import NO_END, Claim, ClaimState
from facilitator.roles.refused import AlreadyOnChain, Refused, lookup_failed
from facilitator.roles.scheme import SchemePayment
from facilitator.roles.storage import Storage, StorageUnavailable
from facilitator.x402.messages import VerifyResponse
from facilitator.x402.reasons import Reason


class Verdicts:
    """Judges payments by their claims, by the chain, and by what others have bound."""

    def __init__(
        self,
        schemes: Schemes,
        providers: Mapping[str, ChainProvider],
        before_verify: Gate | None,
        reservations: Reservations,
        storage: Storage,
        bindings: Bindings,
        terms: TermsRegistry,
        admission: Admission,
        corrected: Callable[[Claim], Claim],
    ) -> None:
        """Ask ``before_verify`` before the chain, which may refuse, if any plugin does.

        ``corrected`` returns a claim as the chain shows it now.
        """
        self._schemes = schemes
        self._providers = providers
        self._before_verify = before_verify
        self._reservations = reservations
        self._storage = storage
        self._bindings = bindings
        self._terms = terms
        self._admission = admission
        self._corrected = corrected

    def judge(
        self, payment: SchemePayment, caller: str | None, identifier: str | None
    ) -> VerifyResponse:
        """Return that a payment which has passed its scheme's check is valid.

        Raises :class:`Refused` if it is not, :class:`~facilitator.api.service.ServiceUnavailable`.
        """
        if not payment.transaction_id:
            return self._judge_message(payment)
        with suppress(StorageUnavailable):
            if (resumed := self._resume(payment)) is not None:
                self._check_identifier(payment, resumed.payer or "", caller, identifier)
                return resumed
        ask(self._before_verify, payment)
        try:
            payer, extra, unsigned = self._admission.judge(payment)
        except AlreadyOnChain:
            # Perhaps since its claim was looked for, or the storage could not be asked then.
            if (resumed := self._resume_on_chain(payment)) is None:
                raise
            return resumed
        try:
            self._terms.check(payment, self._schemes.unique_terms(payment))
            self._check_identifier(payment, payer, caller, identifier)
            signed = replace(payment, inputs=payment.inputs - unsigned) if unsigned else payment
            held = self._reservations.hold_verified(signed, payer, self._valid_until(payment))
        except StorageUnavailable:
            held = {"reserved": False}
        except ChainUnavailable as error:
            raise lookup_failed(error) from None
        return VerifyResponse(is_valid=True, payer=payer, extra={**extra, **held})

    def _judge_message(self, payment: SchemePayment) -> VerifyResponse:
        """Return that a message which settles nothing is valid: no claim or hold is about it."""
        ask(self._before_verify, payment)
        payer, extra, _ = self._admission.judge(payment)
        return VerifyResponse(is_valid=True, payer=payer, extra=extra)

    def _check_identifier(
        self, payment: SchemePayment, payer: str, caller: str | None, identifier: str | None
    ) -> None:
        """Raise :class:`Refused` if another payment has the identifier and has not failed."""
        if identifier is None:
            return
        name = payment_identifier(payment, payer, caller, identifier)
        try:
            check_identifier(self._bindings, name, payer)
        except ChainUnavailable as error:
            raise lookup_failed(error) from None

    def _valid_until(self, payment: SchemePayment) -> float | None:
        """Return the end of the payment's validity in Unix seconds, if it has one."""
        end = payment.invalid_hereafter
        if end == NO_END:
            return None
        return self._providers[payment.terms.network.id].eras().start_ms(end) / 1000

    def _resume(self, payment: SchemePayment) -> VerifyResponse | None:
        """Return that a payment is valid which is being settled; ``None`` without a settlement.

        Its scheme adds what it will add to the success.
        """
        claim = self._storage.claim(payment.transaction_id)
        if claim is None or claim.state is ClaimState.CLAIMED:
            return None
        claim = self._corrected(claim)
        payer = payer_from_claim(payment, claim)
        extra = self._schemes.answer(claim).extra
        if claim.state is ClaimState.SUBMITTED:
            # It is in no block, so that it may have become invalid since it was submitted.
            with suppress(AlreadyOnChain):
                self._admission.judge(payment)
                return VerifyResponse(is_valid=True, payer=payer, extra=extra)
        try:
            extra = {**extra, **self._schemes.verify_landed(payment)}
        except ChainUnavailable as error:
            raise lookup_failed(error) from None
        return VerifyResponse(is_valid=True, payer=payer, extra=extra)

    def _resume_on_chain(self, payment: SchemePayment) -> VerifyResponse | None:
        """Return the same, or raise :class:`ServiceUnavailable` without the storage."""
        try:
            return self._resume(payment)
        except StorageUnavailable as error:
            raise unavailable(error) from error


def invalid(why: Refused) -> VerifyResponse:
    """Return that the payment is invalid."""
    return VerifyResponse(
        is_valid=False, payer=why.payer, reason=why.reason, message=why.message, extra=why.extra
    )


def unavailable(error: StorageUnavailable) -> ServiceUnavailable:
    """Return the answer to a request that the storage keeps from being decided."""
    return ServiceUnavailable(
        Reason.EVIDENCE_UNAVAILABLE, f"the storage does not work, try again: {error}", 5
    )
