"""The sponsor of a resource server: offers with the price, signs before the work, ends with it.

A resource server calls, for each request: :meth:`FeeSponsor.with_offer`; if a payment comes with
it, the facilitator's ``/verify``, then :meth:`FeeSponsor.sign`; then it works; then
:meth:`FeeSponsor.settlement`, ``/settle``, and :meth:`FeeSponsor.settled`. Or it calls
:meth:`FeeSponsor.cancel`, if it gives up before ``/settle``.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from facilitator.cardano.codec.merging import encode_vkey_witnesses
from facilitator.cardano.rules import Environment
from facilitator.cardano.transaction import VKeyWitness
from facilitator.exact.payment import Payment, read_payment
from facilitator.exact.sponsor_rules import SponsoredTransaction, find_broken_rule
from facilitator.exact.sponsorship import is_owned_by_one_of, with_sponsor
from facilitator.exact.terms import TermsPolicy, agree_terms
from facilitator.roles.chain import Unspent
from facilitator.roles.refused import Refused
from facilitator.seller.pool import SponsorPool
from facilitator.x402.fee_sponsor import (
    IS_SPONSORED,
    OFFER,
    WITNESSES,
    BadOffer,
    FeeSponsorOffer,
    read_offer,
)
from facilitator.x402.messages import BadMessage, PaymentRequest, parse_payment_request
from facilitator.x402.networks import canonical_network, cardano_network
from facilitator.x402.reasons import Reason

_METHODS = ("default",)
_REFUSALS = (Reason.PAYLOAD.value, "fee_sponsor_")
"""Beginnings of the reasons by which a facilitator refuses before it submits anything."""
_POLICY = TermsPolicy(accept_mempool=True)


class NotSponsored(Exception):
    """The sponsor does not sign: answer 402, with a new offer."""

    def __init__(self, reason: str, message: str) -> None:
        """Take a stable reason, and a sentence for the payer."""
        super().__init__(message)
        self.reason = reason
        """``fee_sponsor_S1`` to ``fee_sponsor_S9``, ``fee_sponsor_taken`` or
        ``fee_sponsor_invalid``."""
        self.message = message


class Signature(NamedTuple):
    """The sponsor's signature for one transaction."""

    input: str
    """The output that it gives, ``<transaction id>#<index>``."""
    transaction_id: str
    """Lowercase hex."""
    witnesses: str
    """``payload.sponsorWitnesses``. It stays here until ``/settle``: the payer never gets it."""


class FeeSponsor:
    """Pays the fee for payments on one network. Safe to use from many threads."""

    def __init__(self, network: str, pool: SponsorPool) -> None:
        """Offer the pool's outputs on the network with that id."""
        self._network = cardano_network(network)
        self.pool = pool
        """The outputs that are offered."""

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
        known = self.pool.store.find(str(offer.input))
        is_repeat = known is not None and known.transaction_id == payment.transaction_id
        if not self.pool.is_live(offer, payment.transaction_id, payment.terms.max_timeout_seconds):
            raise NotSponsored(
                "fee_sponsor_taken" if known else "fee_sponsor_S1",
                f"the offered output {offer.input} is not on offer for this transaction: pay by "
                "the new offer",
            )
        if known and is_repeat and known.witnesses:
            return Signature(known.input, payment.transaction_id, known.witnesses)
        self._check(payment, offer)
        return self._bind(payment, offer)

    def settlement(self, payload: Mapping[str, Any], signature: Signature) -> dict[str, Any]:
        """Return the payload for ``/settle``, with the sponsor's signature.

        From now on the transaction may land. Raises :class:`NotSponsored` if it has lost the
        output meanwhile.
        """
        if not self.pool.store.mark_submitted(signature.input, signature.transaction_id):
            raise NotSponsored("fee_sponsor_taken", f"{signature.input} was given back")
        scheme = {**payload["payload"], WITNESSES: signature.witnesses}
        return {**payload, "payload": scheme}

    def settled(self, signature: Signature, receipt: Mapping[str, Any]) -> None:
        """Take note of the answer of ``/settle``.

        A success retires the output. A definite failure frees it, and so does a refusal: nothing
        was submitted. After any other answer the transaction keeps it until its validity is over
        and the chain shows the output unspent.
        """
        store, (ref, transaction_id, _) = self.pool.store, signature
        if receipt.get("success") is True:
            store.retire(ref, transaction_id)
        elif _has_failed(receipt):
            store.release(ref, transaction_id, is_definitive=True)

    def cancel(self, signature: Signature) -> None:
        """Free the output of a payment that never gets to ``/settle``."""
        self.pool.store.release(signature.input, signature.transaction_id, is_definitive=False)

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
        found = chain.outputs(payment.transaction.body.inputs)
        for ref in payment.transaction.body.inputs:
            status = found.get(ref)
            if not isinstance(status, Unspent):
                raise NotSponsored("fee_sponsor_S2", f"S2: the chain does not have {ref} unspent")
            owners = frozenset({offer.key_hash})
            if ref != offer.input and is_owned_by_one_of(status.output, owners):
                raise NotSponsored("fee_sponsor_S2", f"S2: {ref} is the sponsor's, and not offered")

    def _bind(self, payment: Payment, offer: FeeSponsorOffer) -> Signature:
        store, ref, transaction_id = self.pool.store, str(offer.input), payment.transaction_id
        end = payment.transaction.body.invalid_hereafter or 0
        valid_until_ms = self.pool.chain.eras().start_ms(end)
        taken = NotSponsored(
            "fee_sponsor_taken", f"{ref} belongs to another transaction: pay by the new offer"
        )
        if not store.bind(ref, transaction_id, offer.to_json(), valid_until_ms):
            raise taken
        signed = self.pool.wallet.sign(payment.transaction.id)
        witnesses = encode_vkey_witnesses([VKeyWitness(*signed)]).hex()
        kept = store.keep_witnesses(ref, transaction_id, witnesses)
        if kept is None:
            raise taken
        return Signature(ref, transaction_id, kept)


def _has_failed(receipt: Mapping[str, Any]) -> bool:
    """Return True if the transaction was not submitted, or can no longer land.

    Some facilitators say *settlement failed* also of what they will go on with: ``extra.status``
    shows which of the two it is.
    """
    reason, extra = str(receipt.get("errorReason")), receipt.get("extra")
    if reason == Reason.SETTLEMENT_FAILED:
        return isinstance(extra, Mapping) and extra.get("status") == "expired"
    return reason == Reason.DEFINITIVELY_REJECTED or reason.startswith(_REFUSALS)
