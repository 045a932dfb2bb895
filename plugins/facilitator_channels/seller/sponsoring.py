"""The seller as a sponsor: it pays the fee of an opening or a top-up, and the channel's reserve.

The offer is as soft as that of ``exact`` and its binding as exclusive: see
:mod:`facilitator.seller.binding`. Each opening costs the fee at once. It costs the reserve too if
the client leaves by itself later: the validator knows no sponsor. So the pool is the budget.
"""

from collections.abc import Mapping
from typing import Any

from facilitator.cardano.transaction import Transaction
from facilitator.plugin import Refused
from facilitator.seller.binding import NotSponsored, Signature, SponsorBinding
from facilitator.seller.pool import PoolSettings, SponsorPool
from facilitator.x402.fee_sponsor import (
    IS_SPONSORED,
    OFFER,
    BadOffer,
    FeeSponsorOffer,
    read_offer,
)
from facilitator.x402.networks import canonical_network, cardano_network
from facilitator_channels.draft import SCHEME
from facilitator_channels.messages import Deposit, Refund
from facilitator_channels.opening import check_opening
from facilitator_channels.payment import Content
from facilitator_channels.reasons import ChannelReason
from facilitator_channels.seller.reading import SellerTerms
from facilitator_channels.seller.record import Kind
from facilitator_channels.shape import check_moves_money_alone, decode
from facilitator_channels.sponsored import (
    check_sponsored_opening,
    check_sponsored_refund,
    check_sponsored_top_up,
    sponsored,
)

CHANNEL_POOL = PoolSettings(max_fee=500_000, least_lovelace=3_500_000, most_lovelace=6_000_000)
"""The outputs that are offered for openings: each pays a reserve of about 2.13 ada, the fee, and
the least that the output to ``payTo`` holds."""


class ChannelSponsor(SponsorBinding):
    """Pays for openings, top-ups and refunds on one network. Safe to use from many threads."""

    def __init__(self, network: str, pool: SponsorPool) -> None:
        """Offer the pool's outputs on the network with that id."""
        super().__init__(pool)
        self._network = cardano_network(network)

    def with_offer(self, requirements: Mapping[str, Any]) -> dict[str, Any]:
        """Return the requirements of an answer 402 with an offer, if there can be one."""
        plain = dict(requirements)
        if (
            plain.get("scheme") != SCHEME
            or canonical_network(str(plain.get("network"))) != self._network.id
            or plain.get("asset") == "lovelace"
        ):
            return plain
        offer = self.pool.offer(int(plain["maxTimeoutSeconds"]))
        return plain if offer is None else add_offer(plain, offer)

    def agree(
        self,
        requirements: Mapping[str, Any],
        payment: Mapping[str, Any],
        message: Deposit | Refund,
    ) -> dict[str, Any]:
        """Return the requirements that a message was made by: with its offer, if it uses one.

        Raises :class:`NotSponsored` for an offer that is another's by now, or was never made.
        """
        offer, tx = self._offer_of(payment), _decode(message)
        if offer is None or offer.input not in (*tx.body.inputs, *tx.body.collateral):
            return dict(requirements)
        if not self.pool.is_live(offer, tx.id.hex(), int(requirements["maxTimeoutSeconds"])):
            raise NotSponsored(
                "fee_sponsor_taken",
                f"the offered output {offer.input} is not on offer for this transaction: take"
                " the new offer",
            )
        return add_offer(dict(requirements), offer)

    def sign(
        self, requirements: Mapping[str, Any], message: Deposit | Refund, asked: SellerTerms
    ) -> Signature | None:
        """Return the signature for a message that ``/verify`` has found valid.

        ``requirements`` are those of :meth:`agree`. ``None`` for a message without an offer.
        Raises :class:`NotSponsored`, and ``ChainUnavailable``: then nothing is signed.
        """
        offer = self._offer_of({"accepted": requirements})
        if offer is None:
            return None
        content = Content(message, asked.channel, _decode(message), sponsor=offer)
        seconds = asked.terms.max_timeout_seconds
        return self.sign_for(offer, content.tx, seconds, lambda: self._check(content, asked))

    def note_answer(self, kind: Kind, signature: Signature, receipt: Mapping[str, Any]) -> None:
        """Take note of the answer of ``/settle``: a refund does not spend its collateral."""
        if kind is Kind.REFUND and receipt.get("success") is True:
            self.pool.store.release(signature.input, signature.transaction_id, is_definitive=True)
        else:
            self.settled(signature, receipt)

    def _check(self, content: Content, asked: SellerTerms) -> None:
        """Raise :class:`NotSponsored` unless the message keeps the rules.

        The facilitator has said so, and has run the scripts; the signature is the seller's own.
        """
        try:
            self._check_rules(content, asked)
        except Refused as refused:
            rule, colon, _ = refused.message.partition(":")
            is_rule = refused.reason == "fee_sponsor_refused" and colon
            raise NotSponsored(
                f"fee_sponsor_{rule}" if is_rule else "fee_sponsor_invalid", refused.message
            ) from None
        if content.sponsor is not None:
            body = content.tx.body
            self.check_owners(content.sponsor, {*body.inputs, *body.collateral})

    def _check_rules(self, content: Content, asked: SellerTerms) -> None:
        message, tx = content.message, content.tx
        providers = frozenset({asked.channel.receiver_authorizer})
        signing = providers if isinstance(message, Refund) else frozenset()
        it = sponsored(content, asked.terms, self.pool.chain, signing)
        if it is None:
            return
        check_moves_money_alone(tx, asked.terms.network, ChannelReason.DEPOSIT_TRANSACTION)
        if isinstance(message, Refund):
            check_sponsored_refund(it)
        elif isinstance(message, Deposit) and message.voucher.channel_ref is None:
            channel = check_opening(tx, message, asked.terms, content.validator)
            check_sponsored_opening(it, channel)
        else:
            check_sponsored_top_up(it)

    def _offer_of(self, payment: Mapping[str, Any]) -> FeeSponsorOffer | None:
        """Return the offer that the payment repeats, which anyone may have written."""
        try:
            return read_offer(payment["accepted"]["extra"], self._network.network_id)
        except (BadOffer, LookupError, TypeError):
            return None


def add_offer(plain: Mapping[str, Any], offer: FeeSponsorOffer) -> dict[str, Any]:
    """Return the requirements with the offer."""
    extra = {**plain["extra"], IS_SPONSORED: True, OFFER: offer.to_json()}
    return {**plain, "extra": extra}


def _decode(message: Deposit | Refund) -> Transaction:
    try:
        return decode(message.transaction, ChannelReason.DEPOSIT_TRANSACTION)
    except Refused as refused:
        raise NotSponsored("fee_sponsor_invalid", refused.message) from None
