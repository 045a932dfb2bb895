"""The checks of a voucher against its channel."""

from facilitator.plugin import Refused
from facilitator_channels.draft import MAX_IOU
from facilitator_channels.iou import iou_holds
from facilitator_channels.messages import ChannelConfig, Voucher
from facilitator_channels.reasons import ChannelReason


def check_voucher(
    voucher: Voucher, config: ChannelConfig, *, capacity: int, subbed: int, charge: int
) -> None:
    """Raise :class:`Refused` unless the voucher can be redeemed, and pays ``charge`` at least.

    Args:
        voucher: The voucher, which belongs to the channel.
        config: The channel's configuration, by which the datum was checked.
        capacity: The greatest IOU that can be redeemed, in atomic units.
        subbed: What was redeemed already.
        charge: What it must pay beyond that; 0 for a refund.
    """
    amount = voucher.amount
    if amount > capacity:
        raise Refused(
            ChannelReason.CUMULATIVE_EXCEEDS_BALANCE,
            f"the voucher is for {amount} in all, the channel can pay out {shown(capacity)}",
        )
    if amount < subbed + charge:
        raise Refused(
            ChannelReason.CUMULATIVE_BELOW_CLAIMED,
            f"the voucher is for {amount} in all, of which {shown(subbed)} were redeemed already:"
            f" it does not pay {charge}",
        )
    if not iou_holds(config.payer_authorizer, voucher.channel_id, amount, voucher.signature):
        raise Refused(
            ChannelReason.VOUCHER_SIGNATURE,
            "voucher.signature is no signature of payerAuthorizer for this channel and amount",
        )


def shown(number: int) -> str:
    """Return the number as text. A datum may hold one with more digits than Python writes."""
    return str(number) if number <= MAX_IOU else f"more than {MAX_IOU}"
