"""The scheme's records in claims, and the answers that are made of them.

An answer may be due long after, in another process, when the channel has moved on.
"""

from collections.abc import Sequence

import cbor2

from facilitator.cardano.transaction import OutputRef
from facilitator.plugin import MAX_RECORD_BYTES, Answer, Refused
from facilitator.plugin import Claim as StoredClaim
from facilitator_channels.channel import Channel, describe
from facilitator_channels.messages import Claimed
from facilitator_channels.reasons import ChannelReason

_DEPOSIT, _REFUND, _CLAIM = range(3)


def record_deposit(channel: Channel, amount: int, coins_per_byte: int) -> bytes:
    """Return the record of a deposit of ``amount``; ``channel`` is what its transaction makes."""
    capacity = channel.capacity(coins_per_byte)
    tag = channel.constants.tag
    return cbor2.dumps([_DEPOSIT, tag, channel.ref.index, capacity, channel.subbed, amount])


def record_refund(tag: bytes, charged: int, amount: int) -> bytes:
    """Return the record of a refund: all that was charged, and what the consumer gets back."""
    return cbor2.dumps([_REFUND, tag, charged, amount])


def record_claim(claims: Sequence[Claimed]) -> bytes:
    """Return the record of a claim. Raises :class:`Refused` for more channels than fit."""
    record = cbor2.dumps([_CLAIM, [[each.channel_id, each.total] for each in claims]])
    if len(record) > MAX_RECORD_BYTES:
        raise Refused(
            ChannelReason.CLAIM_TRANSACTION, f"{len(claims)} channels are too many for one claim"
        )
    return record


def answer_from(claim: StoredClaim) -> Answer:
    """Return the scheme's part of the success, from the claim alone."""
    match cbor2.loads(claim.record):
        case [kind, tag, index, capacity, subbed, amount] if kind == _DEPOSIT:
            ref = OutputRef(bytes.fromhex(claim.transaction_id), index)
            return Answer(str(amount), {"channelState": describe(tag, ref, capacity, subbed)})
        case [kind, tag, charged, amount] if kind == _REFUND:
            return Answer(str(amount), {"channelState": describe(tag, None, 0, charged)})
        case [_, claims]:
            named = [{"channelId": tag.hex(), "totalClaimed": str(total)} for tag, total in claims]
            return Answer("0", {"claims": named})
    raise ValueError("the record is not one of this scheme")
