"""A deposit that adds to a channel."""

from facilitator.cardano.transaction import Transaction
from facilitator.plugin import Refused
from facilitator_channels.channel import Channel, holds_more
from facilitator_channels.messages import Deposit
from facilitator_channels.opening import read_made
from facilitator_channels.reasons import ChannelReason
from facilitator_channels.redeemers import Add, Main
from facilitator_channels.reserve import held
from facilitator_channels.shape import list_signers, read_redeemers

_REASON = ChannelReason.DEPOSIT_TRANSACTION


def check_top_up(tx: Transaction, deposit: Deposit, channel: Channel) -> Channel:
    """Return the channel after the transaction, which adds to it and does nothing else to channels.

    ``channel`` is where it is now, opened; the transaction spends it. Raises :class:`Refused`.
    """
    if read_redeemers(tx, _REASON) != {channel.ref: Main((Add(),))}:
        raise Refused(_REASON, "it must redeem the channel with Main[Add], and nothing else")
    after = read_made(tx, channel.validator)
    if after.output.address != channel.output.address:
        raise Refused(_REASON, "the channel must keep its address, with its stake part")
    if after.datum != channel.datum:
        raise Refused(_REASON, "the channel must keep its datum")
    if holds_more(after.output, after.constants):
        raise Refused(_REASON, "the channel holds an asset besides ADA and its own")
    added = held(after.output, after.constants) - held(channel.output, channel.constants)
    if added != deposit.amount:
        raise Refused(_REASON, f"the channel gets {added}, and deposit.amount is {deposit.amount}")
    if channel.constants.consumer not in list_signers(tx):
        raise Refused(_REASON, "the consumer, channelConfig.payer, has not signed")
    return after
