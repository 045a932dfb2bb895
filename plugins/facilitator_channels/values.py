"""The values that a seller and a payer keep of a channel, and their form in JSON.

Amounts are in atomic units of the channel's asset, and decimal strings in JSON.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from facilitator_channels.messages import ChannelConfig


@dataclass(frozen=True, slots=True)
class Iou:
    """All that the payer owes in a channel so far, signed by the channel's own key."""

    amount: int
    """The cumulative amount, ``maxClaimableAmount``."""
    signature: bytes


@dataclass(frozen=True, slots=True)
class ChannelView:
    """A channel on the chain, as of a time."""

    channel_ref: str = ""
    """The output that it is, ``txid#index``; empty where there is none."""
    balance: int = 0
    """The greatest cumulative amount that can be redeemed without the consumer."""
    total_claimed: int = 0
    """The cumulative amount that was redeemed."""
    withdraw_requested_at: int = 0
    """Unix seconds when the consumer closed it; 0 while it is open."""
    seen_at: int = 0
    """Unix ms, no later than the chain was asked."""

    def to_json(self) -> dict[str, Any]:
        """Return the draft's ``channelState``, without id and count."""
        return {
            "channelRef": self.channel_ref,
            "balance": str(self.balance),
            "totalClaimed": str(self.total_claimed),
            "withdrawRequestedAt": self.withdraw_requested_at,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any], seen_at: int) -> "ChannelView":
        """Return the view in an answer. Raises :class:`KeyError`, :class:`ValueError`."""
        view = cls(
            str(value["channelRef"]),
            int(value["balance"]),
            int(value["totalClaimed"]),
            int(value["withdrawRequestedAt"]),
            seen_at,
        )
        if min(view.balance, view.total_claimed, view.withdraw_requested_at) < 0:
            raise ValueError("a channel's amounts and times are not negative")
        return view


NOT_SEEN = ChannelView()
"""A channel that has not been seen on the chain."""


def config_json(config: ChannelConfig) -> dict[str, Any]:
    """Return the draft's ``channelConfig``."""
    return {
        "payer": config.payer.hex(),
        "payerAuthorizer": config.payer_authorizer.hex(),
        "receiver": config.receiver,
        "receiverAuthorizer": config.receiver_authorizer.hex(),
        "token": config.token,
        "withdrawDelay": config.withdraw_delay,
    }


def config_from_json(value: Mapping[str, Any]) -> ChannelConfig:
    """Return the terms. Raises :class:`KeyError`, :class:`TypeError` or :class:`ValueError`."""
    return ChannelConfig(
        bytes.fromhex(value["payer"]),
        bytes.fromhex(value["payerAuthorizer"]),
        value["receiver"],
        bytes.fromhex(value["receiverAuthorizer"]),
        value["token"],
        value["withdrawDelay"],
    )
