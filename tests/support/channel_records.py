"""Records of the modelled chain's channels, as a seller keeps them."""

from dataclasses import replace
from typing import Any

from facilitator.cardano.addresses.address import format_address
from facilitator_channels.messages import ChannelConfig
from facilitator_channels.seller.record import ChannelRecord
from facilitator_channels.values import ChannelView, Iou
from support.channel_model import PERIOD_MS, PROVIDER, RECORDS_MS, SCRIPT, ModelChain, constants

NOW = RECORDS_MS
SHOP = b"\x60" + b"\x09" * 28


def record(number: int, ref: str = "", **changes: Any) -> ChannelRecord:
    """A record of the channel, last seen open at the position."""
    known = constants(number)
    config = ChannelConfig(
        known.consumer,
        known.iou_key,
        format_address(SHOP),
        PROVIDER,
        "lovelace",
        PERIOD_MS // 1000,
    )
    return replace(
        ChannelRecord(
            known.tag.hex(),
            ModelChain.network,
            SCRIPT.hex(),
            config,
            ChannelView(ref, 5_000_000, 0, 0, NOW),
            ref,
            charged=700,
            voucher=Iou(700, b"\x01" * 64),
        ),
        **changes,
    )
