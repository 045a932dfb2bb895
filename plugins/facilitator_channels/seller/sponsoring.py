"""The seller as a sponsor: it pays the fee of an opening, and the channel's reserve.

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
from facilitator_channels.messages import Deposit
from facilitator_channels.opening import check_opening
from facilitator_channels.payment import Content
from facilitator_channels.reasons import ChannelReason
from facilitator_channels.seller.reading import SellerTerms
from facilitator_channels.shape import decode
from facilitator_channels.sponsored import check_sponsored

CHANNEL_POOL = PoolSettings(max_fee=500_000, least_lovelace=3_500_000, most_lovelace=6_000_000)
"""The outputs that are offered for openings: each pays a reserve of about 2.13 ada, the fee, and
the least that the output to ``payTo`` holds."""


class ChannelSponsor(SponsorBinding):
    """Pays the fee and the reserve of openings on one network. Safe to use from many threads."""

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
        self, requirements: Mapping[str, Any], payment: Mapping[str, Any], deposit: Deposit
    ) -> dict[str, Any]:
        """Return the requirements that an opening was made by: with its offer, if it uses one.

        Raises :class:`NotSponsored` for an offer that is another's by now, or was never made.
        """
        offer, tx = self._offer_of(payment), _decode(deposit)
        if offer is None or offer.input not in tx.body.inputs:
            return dict(requirements)
        if not self.pool.is_live(offer, tx.id.hex(), int(requirements["maxTimeoutSeconds"])):
            raise NotSponsored(
                "fee_sponsor_taken",
                f"the offered output {offer.input} is not on offer for this transaction: open by"
                " the new offer",
            )
        return add_offer(dict(requirements), offer)

    def sign(
        self, requirements: Mapping[str, Any], deposit: Deposit, asked: SellerTerms
    ) -> Signature | None:
        """Return the signature for an opening that ``/verify`` has found valid.

        ``requirements`` are those of :meth:`agree`. ``None`` for an opening without an offer.
        Raises :class:`NotSponsored`, and ``ChainUnavailable``: then nothing is signed.
        """
        offer = self._offer_of({"accepted": requirements})
        if offer is None:
            return None
        tx, seconds = _decode(deposit), asked.terms.max_timeout_seconds
        return self.sign_for(offer, tx, seconds, lambda: self._check(offer, tx, deposit, asked))

    def _check(
        self, offer: FeeSponsorOffer, tx: Transaction, deposit: Deposit, asked: SellerTerms
    ) -> None:
        """Raise :class:`NotSponsored` unless it opens a channel with this seller by the rules.

        The facilitator has said so; the signature is the seller's own.
        """
        content = Content(deposit, asked.channel, tx, sponsor=offer)
        try:
            channel = check_opening(tx, deposit, asked.terms, asked.channel.validator)
            check_sponsored(content, asked.terms, channel, self.pool.chain)
        except Refused as refused:
            rule, colon, _ = refused.message.partition(":")
            is_rule = refused.reason == "fee_sponsor_refused" and colon
            raise NotSponsored(
                f"fee_sponsor_{rule}" if is_rule else "fee_sponsor_invalid", refused.message
            ) from None
        self.check_owners(offer, tx.body.inputs)

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


def _decode(deposit: Deposit) -> Transaction:
    try:
        return decode(deposit.transaction, ChannelReason.DEPOSIT_TRANSACTION)
    except Refused as refused:
        raise NotSponsored("fee_sponsor_invalid", refused.message) from None
