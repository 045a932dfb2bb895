"""The part of a sponsor in deposits and refunds, if the seller has a sponsor."""

from collections.abc import Collection, Mapping
from functools import partial
from typing import Any

from facilitator.cardano.transaction import OutputRef
from facilitator.plugin import ChainUnavailable, OutputStatus, Refused
from facilitator.seller.binding import NotSponsored, Signature
from facilitator_channels.messages import Deposit, Message, Refund
from facilitator_channels.opening import read_made
from facilitator_channels.reasons import ChannelReason
from facilitator_channels.seller.asking import UNAVAILABLE, Settled, settle
from facilitator_channels.seller.facilitator import Facilitator
from facilitator_channels.seller.reading import SellerTerms
from facilitator_channels.seller.request import ChannelRequest, Refusal
from facilitator_channels.seller.sponsoring import ChannelSponsor
from facilitator_channels.shape import decode


class Sponsorship:
    """A seller's sponsor, or none."""

    def __init__(self, sponsor: ChannelSponsor | None) -> None:
        """Have the sponsor pay for deposits and refunds that use its offers."""
        self._sponsor = sponsor

    def offer(self, requirements: Mapping[str, Any]) -> dict[str, Any]:
        """Return the requirements for an answer 402, with an offer if there is one."""
        sponsor = self._sponsor
        return dict(requirements) if sponsor is None else sponsor.with_offer(requirements)

    def agree(
        self, requirements: Mapping[str, Any], payment: Mapping[str, Any], message: Message
    ) -> Mapping[str, Any] | Refusal:
        """Return the requirements that the message was made by, with the offer that it uses."""
        if self._sponsor is None or not isinstance(message, Deposit | Refund):
            return requirements
        try:
            return self._sponsor.agree(requirements, payment, message)
        except NotSponsored as why:
            return Refusal(why.reason, why.message)

    def sign(
        self, requirements: Mapping[str, Any], message: Message, asked: SellerTerms
    ) -> Signature | Refusal | None:
        """Return the signature for a message that needs one: no other gets the output then."""
        if self._sponsor is None or not isinstance(message, Deposit | Refund):
            return None
        try:
            return self._sponsor.sign(requirements, message, asked)
        except NotSponsored as why:
            return Refusal(why.reason, why.message)
        except ChainUnavailable as error:
            return Refusal(UNAVAILABLE, f"the chain cannot be asked now; try again: {error}")

    def settle(
        self,
        facilitator: Facilitator,
        request: ChannelRequest,
        payment: Mapping[str, Any],
        requirements: Mapping[str, Any],
        signature: Signature | None,
    ) -> Settled | Refusal:
        """Have a deposit or a refund settled, with the signature if there is one."""
        if self._sponsor is None or signature is None:
            return settle(facilitator, request, payment, requirements)
        try:
            payment = self._sponsor.settlement(payment, signature)
        except NotSponsored as why:
            return Refusal(why.reason, why.message)
        on_answer = partial(self._sponsor.note_answer, request.kind, signature)
        return settle(facilitator, request, payment, requirements, on_answer)

    @property
    def max_fee(self) -> int:
        """The greatest fee in lovelace that the sponsor pays, 0 without one."""
        return 0 if self._sponsor is None else self._sponsor.pool.settings.max_fee

    def look_up(self, refs: Collection[OutputRef]) -> Mapping[OutputRef, OutputStatus]:
        """Return outputs as the sponsor's chain has them, none without a sponsor.

        Raises ``ChainUnavailable``.
        """
        return {} if self._sponsor is None else self._sponsor.pool.chain.outputs(refs)

    def cancel(self, signature: Signature | None) -> bool:
        """Free the output of a transaction that never gets to ``/settle``.

        Return True if there was a signature for it, with which it can land no more.
        """
        return (
            self._sponsor is not None and signature is not None and self._sponsor.cancel(signature)
        )

    def opened_by(self, message: Message, asked: SellerTerms) -> str:
        """Return the channel's output in an opening; empty for others, and without a sponsor.

        It is empty too for an opening that no facilitator takes.
        """
        if self._sponsor is None or not isinstance(message, Deposit):
            return ""
        if message.voucher.channel_ref is not None:
            return ""
        try:
            tx = decode(message.transaction, ChannelReason.DEPOSIT_TRANSACTION)
            return str(read_made(tx, asked.channel.validator).ref)
        except Refused:
            return ""
