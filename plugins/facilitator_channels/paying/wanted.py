"""The requirements of a page as a payer checks them, and the channels that fit them."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from facilitator.cardano.output_ref import parse_output_ref
from facilitator.cardano.transaction import AssetId, OutputRef
from facilitator.plugin import CannotPay
from facilitator.x402.fee_sponsor import OFFER
from facilitator_channels.channel import Channel, Validator
from facilitator_channels.client.channel import ClientChannel
from facilitator_channels.messages import ChannelConfig
from facilitator_channels.seller.reading import SellerTerms, read_terms
from facilitator_channels.validators import KNOWN


class Page(NamedTuple):
    """A page that a channel pays for."""

    asked: SellerTerms
    requirements: Mapping[str, Any]

    @property
    def price(self) -> int:
        """The most that it costs, in atomic units."""
        return self.asked.terms.amount

    @property
    def asset(self) -> AssetId | None:
        """The asset that it costs; ``None`` is lovelace."""
        return self.asked.terms.asset

    @property
    def validator(self) -> Validator:
        """The validator of its channels."""
        return self.asked.channel.validator

    @property
    def reference(self) -> OutputRef | None:
        """The output that has the validator, if the seller names one."""
        text = self.requirements["extra"].get("referenceScript")
        return None if text is None else parse_output_ref(text)

    @property
    def offer(self) -> Mapping[str, str] | None:
        """The seller's offer to pay for a deposit or a refund, as the seller wrote it."""
        offer = self.requirements["extra"].get(OFFER)
        return offer if isinstance(offer, Mapping) else None

    def config(self, payer: bytes, iou_key: bytes) -> ChannelConfig:
        """Return the configuration of a channel that pays for it."""
        terms, channel = self.asked.terms, self.asked.channel
        return ChannelConfig(
            payer,
            iou_key,
            terms.requirements.pay_to,
            channel.receiver_authorizer,
            terms.requirements.asset,
            channel.withdraw_delay,
        )

    def takes(self, channel: ClientChannel) -> bool:
        """Return True if the channel pays for it."""
        config = channel.config
        expected = self.config(config.payer, config.payer_authorizer)
        script_hash = self.validator.script_hash.hex()
        return (channel.network, channel.script_hash, config) == (
            self.asked.terms.network.id,
            script_hash,
            expected,
        )

    def fits(self, channel: Channel) -> bool:
        """Return True if a channel on the chain pays for it; ``payTo`` is in no datum."""
        terms, constants = self.asked.channel, channel.constants
        return channel.validator == self.validator and (
            constants.currency,
            constants.provider,
            constants.close_period,
        ) == (self.asset, terms.receiver_authorizer, terms.withdraw_delay * 1000)


def read_page(requirements: Mapping[str, Any]) -> Page:
    """Return the page by its requirements.

    Raises :class:`CannotPay` if no channel can pay for it. Nothing is put in at a validator that is
    not known: it could give the money to others.
    """
    try:
        asked = read_terms(requirements)
    except ValueError as error:
        raise CannotPay(str(error)) from None
    script_hash = asked.channel.validator.script_hash
    if script_hash not in KNOWN:
        raise CannotPay(
            f"the validator {script_hash.hex()} is not known: no channel is opened there"
        )
    return Page(asked, requirements)
