"""The sponsor of a resource server: offers with the price, signs before the work, ends with it.

A resource server calls, for each request: :meth:`FeeSponsor.with_offer`; if a payment comes with
it, the facilitator's ``/verify``, then :meth:`FeeSponsor.sign`; then it works; then
:meth:`FeeSponsor.settlement`, ``/settle``, and :meth:`FeeSponsor.settled`. Or it calls
:meth:`FeeSponsor.cancel`, if it gives up before ``/settle``.
"""

from collections.abc import Mapping
from typing import Any

from facilitator.cardano.rules import Environment
from facilitator.exact.payment import Payment, read_payment
from facilitator.exact.sponsor_rules import SponsoredTransaction, find_broken_rule
from facilitator.exact.sponsorship import with_sponsor
from facilitator.exact.terms import TermsPolicy, agree_terms
from facilitator.roles.refused import Refused
from facilitator.seller.binding import NotSponsored, Signature, SponsorBinding
from facilitator.seller.pool import SponsorPool
from facilitator.x402.fee_sponsor import (
    IS_SPONSORED,
    OFFER,
    BadOffer,
    FeeSponsorOffer,
    read_offer,
)
from facilitator.x402.messages import BadMessage, PaymentRequest, parse_payment_request
from facilitator.x402.networks import canonical_network, cardano_network

__all__ = ["FeeSponsor", "NotSponsored", "Signature"]

_METHODS = ("default",)
_POLICY = TermsPolicy(accept_mempool=True)


class FeeSponsor(SponsorBinding):
    """Pays the fee for payments on one network. Safe to use from many threads."""

    def __init__(self, network: str, pool: SponsorPool) -> None:
        """Offer the pool's outputs on the network with that id."""
        super().__init__(pool)
        self._network = cardano_network(network)

    def with_offer(
        self, requirements: Mapping[str, Any], payload: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Return the requirements with an offer to pay the fee, if there can be one.

        ``payload`` is the decoded ``PAYMENT-SIGNATURE``, if one came: it gets the same offer that
        it was made with, as long as that holds. Make offers through a facilitator only whose
        ``/supported`` has ``acceptsSponsorWitnesses``.
        """
        plain = dict(requirements)
        if not self._can_sponsor(plain):
            return plain
        seconds = int(plain["maxTimeoutSeconds"])
        offer = self._repeated(plain, payload, seconds) or self.pool.offer(seconds)
        if offer is None:
            return plain
        extra = {**(plain.get("extra") or {}), IS_SPONSORED: True, OFFER: offer.to_json()}
        return {**plain, "extra": extra}

    def sign(self, requirements: Mapping[str, Any], payload: Mapping[str, Any]) -> Signature | None:
        """Return the sponsor's signature for a payment that ``/verify`` has found valid.

        The offered output belongs to its transaction then. ``None`` for a plain payment. Raises
        :class:`NotSponsored`, and
        :class:`~facilitator.roles.chain_errors.ChainUnavailable`: then nothing is signed.
        """
        payment = self._read(requirements, payload)
        offer = payment.sponsor
        if offer is None:
            return None
        seconds = payment.terms.max_timeout_seconds
        return self.sign_for(
            offer, payment.transaction, seconds, lambda: self._check(payment, offer)
        )

    def _can_sponsor(self, requirements: Mapping[str, Any]) -> bool:
        extra = requirements.get("extra") or {}
        return (
            requirements.get("scheme") == "exact"
            and canonical_network(str(requirements.get("network"))) == self._network.id
            and requirements.get("asset") != "lovelace"
            and extra.get("assetTransferMethod", "default") == "default"
        )

    def _repeated(
        self, plain: Mapping[str, Any], payload: Mapping[str, Any] | None, seconds: int
    ) -> FeeSponsorOffer | None:
        """Return the offer that the payment repeats, if it still holds for its transaction."""
        if payload is None:
            return None
        try:
            offer = read_offer(payload["accepted"]["extra"], self._network.network_id)
            if offer is None:
                return None
            extra = {**(plain.get("extra") or {}), IS_SPONSORED: True, OFFER: offer.to_json()}
            payment = self._read({**plain, "extra": extra}, payload)
        except (BadOffer, NotSponsored, KeyError, TypeError):
            return None
        is_live = self.pool.is_live(offer, payment.transaction_id, seconds)
        return offer if is_live else None

    def _read(self, requirements: Mapping[str, Any], payload: Mapping[str, Any]) -> Payment:
        """Return the payment without what its payload says of the sponsor's signature."""
        message = {
            "x402Version": 2,
            "paymentPayload": payload,
            "paymentRequirements": requirements,
        }
        try:
            request: PaymentRequest = parse_payment_request(message)
            terms = agree_terms(request, [self._network.id], _METHODS, policy=_POLICY)
            return with_sponsor(read_payment(terms, request.payload), {})
        except (BadMessage, Refused) as error:
            raise NotSponsored("fee_sponsor_invalid", error.message) from None

    def _check(self, payment: Payment, offer: FeeSponsorOffer) -> None:
        """Raise :class:`NotSponsored` unless the transaction keeps the rules S1 to S9."""
        chain = self.pool.chain
        env = Environment(
            0, self._network.network_id, chain.parameters(), frozenset({offer.key_hash})
        )
        it = SponsoredTransaction(payment.transaction, offer, payment.terms, env, chain.eras())
        broken = find_broken_rule(it)
        if broken is not None:
            raise NotSponsored(f"fee_sponsor_{broken.partition(':')[0]}", broken)
        self.check_owners(offer, payment.transaction.body.inputs)
