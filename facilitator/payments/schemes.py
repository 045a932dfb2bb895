"""The schemes by name.

A plugin's scheme is behind its border, which refuses what the core cannot settle.
"""

import logging
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from facilitator.exact.terms import check_version
from facilitator.roles.claim import Claim
from facilitator.roles.payment import Origin
from facilitator.roles.refused import Refused
from facilitator.roles.scheme import (
    Answer,
    Scheme,
    SchemePayment,
    UniqueTerms,
    Verified,
    VerifiesLanded,
)
from facilitator.x402.messages import PaymentRequest
from facilitator.x402.networks import canonical_network
from facilitator.x402.reasons import Reason

_log = logging.getLogger("facilitator.settlement")


class Schemes:
    """Passes each payment to its scheme."""

    def __init__(self, schemes: Mapping[str, Scheme], networks: Collection[str]) -> None:
        """Take the schemes by name, and the canonical ids of the networks that are served."""
        self.by_name = schemes
        """The schemes by their names on the wire."""
        self._networks = networks

    def read(self, request: PaymentRequest, origin: Origin) -> SchemePayment:
        """Return the payment in the request. Raises :class:`Refused`."""
        check_version(request)
        name = request.requirements.scheme
        scheme = self.by_name.get(name)
        if scheme is None:
            raise Refused(
                Reason.UNSUPPORTED_SCHEME,
                f"the scheme {name!r:.60} is not supported; supported: {', '.join(self.by_name)}",
            )
        self._check_network(request)
        return scheme.read(request, origin)

    def prepare(self, payment: SchemePayment) -> SchemePayment:
        """Return the payment as it is to be submitted. Raises :class:`Refused`."""
        prepared = self._of(payment).prepare(payment)
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
        return self._of(payment).verify(payment)

    def verify_landed(self, payment: SchemePayment) -> Mapping[str, Any]:
        """Return what has changed since a payment landed, if it is still worth what it was.

        Raises as :meth:`verify` does.
        """
        scheme = self._of(payment)
        return scheme.verify_landed(payment) if isinstance(scheme, VerifiesLanded) else {}

    def answer(self, claim: Claim) -> Answer:
        """Return the scheme's part of a success.

        The payment has settled: if the scheme fails, its part is left out.
        """
        try:
            return self.by_name[claim.scheme].answer(claim)
        except (KeyError, Refused) as error:
            _log.error("the scheme %.60s does not answer: %s", claim.scheme, error)
            return Answer(claim.amount)

    def kinds(self, networks: Iterable[str]) -> Iterable[tuple[str, str, Mapping[str, Any]]]:
        """Return scheme, network and ``extra`` of every kind that is served."""
        return [
            (name, network, kind)
            for network in networks
            for name, scheme in self.by_name.items()
            if (kind := scheme.kind(network)) is not None
        ]

    def _of(self, payment: SchemePayment) -> Scheme:
        return self.by_name[payment.terms.requirements.scheme]

    def _check_network(self, request: PaymentRequest) -> None:
        """Refuse a network that is not served, whatever the scheme says of it."""
        network = request.requirements.network
        if canonical_network(network) not in self._networks:
            raise Refused(
                Reason.NETWORK_MISMATCH,
                f"network {network!r:.60} is not served here; "
                f"served: {', '.join(sorted(self._networks))}",
            )
