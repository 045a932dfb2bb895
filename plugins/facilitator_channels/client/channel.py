"""A payer's record of one channel, and the rules by which its count moves.

The count is what the payer agrees to owe. A voucher is signed for the count and one price more, and
never for more: that is all that a seller can take without having earned it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from facilitator_channels.iou import iou_holds
from facilitator_channels.messages import ChannelConfig
from facilitator_channels.values import ChannelView

_TIMES_PRICE = 10
_REFERENCE = re.compile(r"[0-9a-f]{64}#(0|[1-9][0-9]{0,4})")
_AMOUNT = re.compile(r"0|[1-9][0-9]{0,19}")


class Distrusted(Exception):
    """A seller's answer that the channel's count must not follow. The text says why."""


class CannotPay(Exception):
    """The channel cannot pay this price now. The text says why."""


class Status(Enum):
    """A channel's place in its life."""

    OPENING = "opening"
    """Its opening was sent, and is not known to be in the chain: no other one may be opened."""
    OPEN = "open"
    CLOSED = "closed"
    """It takes no more vouchers: refunded, closed, or its opening can never land."""


@dataclass(frozen=True, slots=True)
class ClientChannel:
    """All that a payer keeps of a channel. Store it before what it announces is sent."""

    channel_id: bytes
    """The tag."""
    network: str
    script_hash: str
    config: ChannelConfig
    opening_inputs: tuple[str, ...]
    """The outputs that the opening spends, ``txid#index``."""
    channel_ref: str = ""
    capacity: int = 0
    """The greatest count that it can pay."""
    claimed: int = 0
    """The cumulative amount that is known to be redeemed."""
    count: int = 0
    """The cumulative amount that the payer agrees to owe."""
    status: Status = Status.OPENING


def size_deposit(price: int, least: int = 0) -> int:
    """Return the least amount to put in beside the reserve: enough for ten requests.

    ``least`` is the seller's ``minDeposit``.
    """
    return max(least, _TIMES_PRICE * price)


def next_amount(channel: ClientChannel, price: int) -> int:
    """Return the cumulative amount to sign for a request of that price.

    The opening itself comes with one for the price alone. Raises :class:`CannotPay`.
    """
    if channel.status is Status.OPENING:
        raise CannotPay(
            "its opening is not confirmed; send that again, or look for it on the chain"
        )
    if channel.status is Status.CLOSED:
        raise CannotPay("the channel is closed; open another one")
    if channel.count + price > channel.capacity:
        raise CannotPay(
            f"the channel can pay {channel.capacity}, and {channel.count + price} is due; top it up"
        )
    return channel.count + price


def settled(channel: ClientChannel, price: int, extra: Mapping[str, Any]) -> ClientChannel:
    """Return the channel after an answer that took ``price`` at most.

    ``extra`` is that of the settlement response. Raises :class:`Distrusted` if it charges more than
    was agreed, or its count does not follow.
    """
    charge = _amount(extra.get("chargedAmount"))
    if charge is None or charge > price:
        raise Distrusted(f"the seller charges {extra.get('chargedAmount')!r:.40} for {price}")
    state = extra.get("channelState")
    state = state if isinstance(state, Mapping) else {}
    count = channel.count + charge
    said = state.get("chargedCumulativeAmount")
    if said is not None and _amount(said) != count:
        raise Distrusted(f"the seller has counted {said!r:.40}, and the payer {count}")
    ref = state.get("channelRef")
    is_position = isinstance(ref, str) and _REFERENCE.fullmatch(ref) is not None
    moved = str(ref) if is_position else channel.channel_ref
    return replace(channel, count=count, channel_ref=moved, status=Status.OPEN)


def corrected(
    channel: ClientChannel, state: Mapping[str, Any], voucher: Mapping[str, Any]
) -> ClientChannel:
    """Return the channel with the seller's count, which a corrective answer brings.

    It holds only if the seller shows an IOU of this very channel for at least as much. Raises
    :class:`Distrusted` otherwise.
    """
    count = _amount(state.get("chargedCumulativeAmount"))
    claimed = _amount(state.get("totalClaimed"))
    signed = _amount(voucher.get("signedMaxClaimable"))
    signature = voucher.get("signature")
    if count is None or claimed is None or signed is None or not isinstance(signature, str):
        raise Distrusted("the seller's count comes without an IOU for it")
    if state.get("channelId") != channel.channel_id.hex():
        raise Distrusted("the seller's count is another channel's")
    if not max(claimed, channel.claimed) <= count <= signed:
        raise Distrusted(f"the seller's count {count} is not within {claimed} and {signed}")
    try:
        key = channel.config.payer_authorizer
        holds = iou_holds(key, channel.channel_id, signed, bytes.fromhex(signature))
    except ValueError:
        holds = False
    if not holds:
        raise Distrusted("the IOU that the seller shows is not the payer's")
    return replace(channel, count=count)


def topped_up(channel: ClientChannel, amount: int, channel_ref: str) -> ClientChannel:
    """Return the channel after a top-up that was confirmed."""
    return replace(channel, capacity=channel.capacity + amount, channel_ref=channel_ref)


def read_from_chain(channel: ClientChannel, view: ChannelView) -> ClientChannel:
    """Return the channel as the chain shows it: before a top-up, or after an opening in doubt.

    An opening that has landed counts from what was redeemed: the seller has not counted a request
    that it did not answer.
    """
    status = Status.CLOSED if view.withdraw_requested_at else Status.OPEN
    return replace(
        channel,
        channel_ref=view.channel_ref,
        capacity=view.balance,
        claimed=max(channel.claimed, view.total_claimed),
        count=max(channel.count, view.total_claimed),
        status=status,
    )


def opening_failed(channel: ClientChannel, spent: str, by: str, opening: str) -> ClientChannel:
    """Return the channel after an input of its opening was spent by another transaction.

    ``spent`` is that input; ``by`` and ``opening`` are ids of transactions. Raises
    :class:`ValueError` if that does not show that the opening can never land.
    """
    if spent not in channel.opening_inputs or by == opening:
        raise ValueError("the opening may still land; open no other channel")
    return replace(channel, status=Status.CLOSED)


def _amount(value: object) -> int | None:
    return int(value) if isinstance(value, str) and _AMOUNT.fullmatch(value) else None
