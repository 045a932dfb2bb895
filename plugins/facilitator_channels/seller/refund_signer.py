"""The seller's part in a refund: it seals the channel, and signs."""

from collections.abc import Callable

from facilitator.plugin import ChainUnavailable, Refused
from facilitator_channels.messages import Refund
from facilitator_channels.reasons import ChannelReason
from facilitator_channels.seller.asking import UNAVAILABLE
from facilitator_channels.seller.reading import SellerTerms
from facilitator_channels.seller.refunds import ProviderKey, witness_refund
from facilitator_channels.seller.request import BUSY, MISSING, ChannelRequest, Refusal
from facilitator_channels.seller.sponsorship import Sponsorship
from facilitator_channels.seller.steps import seal
from facilitator_channels.seller.store import Records


class RefundSigner:
    """Signs refunds by the provider's key, if there is one."""

    def __init__(
        self,
        records: Records,
        key: ProviderKey | None,
        sponsorship: Sponsorship,
        now_ms: Callable[[], int],
    ) -> None:
        """Refuse every refund without a key. ``now_ms`` returns the Unix time in ms."""
        self._records = records
        self._key = key
        self._sponsorship = sponsorship
        self._now_ms = now_ms

    def sign(self, request: ChannelRequest, message: Refund, asked: SellerTerms) -> str | Refusal:
        """Return the seller's witness; the channel is sealed before.

        Raises ``StoreUnavailable``.
        """
        try:
            return self._sign(request, message, asked)
        except Refused as refused:
            return Refusal(refused.reason, refused.message)
        except ChainUnavailable as error:
            return Refusal(UNAVAILABLE, f"the chain cannot be asked now; try again: {error}")

    def _sign(self, request: ChannelRequest, message: Refund, asked: SellerTerms) -> str | Refusal:
        key, record = self._key, self._records.read(request.channel_id)
        if key is None or key.key_hash != request.config.receiver_authorizer:
            text = "this server signs no refunds; close the channel on the chain"
            return Refusal(ChannelReason.REFUND_TRANSACTION, text)
        if record is None or not record.view.channel_ref:
            return Refusal(MISSING, "the channel ended while the request was worked for")
        look_up, most_fee = self._sponsorship.look_up, self._sponsorship.max_fee
        witness = witness_refund(message, record, asked, key, look_up, most_fee)
        ref = record.view.channel_ref
        is_sealed = self._records.change(
            request.channel_id, lambda each: seal(each, ref, request.id, self._now_ms())
        )
        if not is_sealed:
            return Refusal(BUSY, "the channel has moved, or another request has it; try again")
        return witness
