"""The schemes by name, and what the core demands of what one of them returns."""

import logging
import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import orjson

from facilitator.exact.terms import check_version
from facilitator.roles.claim import Claim
from facilitator.roles.payment import Origin
from facilitator.roles.refused import Refused
from facilitator.roles.scheme import Answer, Scheme, SchemePayment, UniqueTerms, Verified
from facilitator.x402.messages import PaymentRequest
from facilitator.x402.reasons import Reason

MAX_RECORD_BYTES = 4_096
"""Greatest size of a scheme's record in a claim."""

_ID = re.compile(r"[0-9a-f]{64}|")

_log = logging.getLogger("facilitator.settlement")


class Schemes:
    """Passes each payment to its scheme."""

    def __init__(self, schemes: Mapping[str, Scheme], networks: Collection[str]) -> None:
        """Take the schemes by name, and the canonical ids of the networks that are served."""
        self._schemes = schemes
        self._networks = networks

    def read(self, request: PaymentRequest, origin: Origin) -> SchemePayment:
        """Return the payment in the request. Raises :class:`Refused`."""
        check_version(request)
        name = request.requirements.scheme
        scheme = self._schemes.get(name)
        if scheme is None:
            raise Refused(
                Reason.UNSUPPORTED_SCHEME,
                f"the scheme {name!r:.60} is not supported; supported: {', '.join(self._schemes)}",
            )
        return self._checked(name, scheme.read(request, origin))

    def prepare(self, payment: SchemePayment) -> SchemePayment:
        """Return the payment as it is to be submitted. Raises :class:`Refused`."""
        prepared = self._checked(payment.scheme, self._of(payment).prepare(payment))
        if not prepared.transaction_id:
            raise Refused(Reason.PAYLOAD, "this message settles nothing: no transaction is in it")
        return prepared

    def check(self, payment: SchemePayment) -> None:
        """Return if nothing in the payment itself speaks against it. Raises :class:`Refused`."""
        self._of(payment).check(payment)

    def unique_terms(self, payment: SchemePayment) -> UniqueTerms | None:
        """Return the terms that only this payment's transaction may meet, if there are any."""
        return self._of(payment).unique_terms(payment)

    def verify(self, payment: SchemePayment) -> Verified:
        """Return who pays if the payment may be submitted now.

        Raises :class:`Refused` and :class:`~facilitator.roles.chain_errors.ChainUnavailable`.
        """
        verified = self._of(payment).verify(payment)
        if not _is_json(verified.extra):
            raise _fault(payment.scheme)
        return verified

    def answer(self, claim: Claim) -> Answer:
        """Return the scheme's part of a success.

        The payment has settled: if the scheme fails, its part is left out.
        """
        try:
            answer = self._schemes[claim.scheme].answer(claim)
            if _is_json(answer.extra):
                return answer
        except (KeyError, Refused) as error:
            _log.error("the scheme %.60s does not answer: %s", claim.scheme, error)
        return Answer(claim.amount)

    def kinds(self, networks: Iterable[str]) -> Iterable[tuple[str, str, Mapping[str, Any]]]:
        """Return scheme, network and ``extra`` of every kind that is served."""
        return [
            (name, network, kind)
            for network in networks
            for name, scheme in self._schemes.items()
            if (kind := scheme.kind(network)) is not None
        ]

    def _of(self, payment: SchemePayment) -> Scheme:
        return self._schemes[payment.scheme]

    def _checked(self, scheme: str, payment: SchemePayment) -> SchemePayment:
        """Return the payment; refuse what the core cannot settle, which is the scheme's fault."""
        if (
            payment.scheme != scheme
            or payment.terms.network.id not in self._networks
            or not _ID.fullmatch(payment.transaction_id)
            or bool(payment.transaction_id) != bool(payment.transaction)
            or len(payment.record) > MAX_RECORD_BYTES
        ):
            raise _fault(scheme)
        return payment


def _fault(scheme: str) -> Refused:
    return Refused(
        Reason.VERIFICATION_ERROR, f"the scheme {scheme!r:.60} failed here, try again later"
    )


def _is_json(extra: Mapping[str, Any]) -> bool:
    if not extra:
        return True
    try:
        orjson.dumps(extra)
    except TypeError:
        return False
    return True
