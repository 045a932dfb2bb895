"""Where a channel is now."""

from facilitator.cardano.cbor import DecodeError
from facilitator.cardano.transaction import OutputRef
from facilitator.plugin import ChainUnavailable, Refused, SchemeChain, Unspent
from facilitator_channels.channel import Channel, Validator, read_channel
from facilitator_channels.reasons import ChannelReason


def follow(chain: SchemeChain, start: OutputRef, validator: Validator, tag: bytes) -> Channel:
    """Return the channel from an output that it was."""
    status = chain.outputs([start])[start]
    if not isinstance(status, Unspent):
        raise ChainUnavailable(f"{start} is not unspent")
    output = status.output
    if not validator.owns(output):
        raise Refused(ChannelReason.CHANNEL_NOT_FOUND, f"{start} is not at scriptHash")
    try:
        return read_channel(start, output, validator)
    except DecodeError as error:
        raise Refused(ChannelReason.CHANNEL_STATE, f"{start}: {error}") from None
