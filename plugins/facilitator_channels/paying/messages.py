"""The payloads that a payer sends, and what it reads in the answers."""

from base64 import b64encode
from collections.abc import Mapping
from typing import Any

from facilitator.plugin import Presented
from facilitator_channels.client.channel import ClientChannel
from facilitator_channels.values import Iou, config_json


def voucher_payload(channel: ClientChannel, iou: Iou) -> dict[str, Any]:
    """Return the message ``voucher``."""
    return _payload("voucher", channel, iou)


def deposit_payload(
    channel: ClientChannel, iou: Iou, amount: int, transaction: bytes
) -> dict[str, Any]:
    """Return the message ``deposit``; without a ``channel_ref`` it opens the channel."""
    deposit = {"amount": str(amount), "transaction": b64encode(transaction).decode()}
    return {**_payload("deposit", channel, iou), "deposit": deposit}


def refund_payload(channel: ClientChannel, iou: Iou, transaction: bytes) -> dict[str, Any]:
    """Return the message ``refund``."""
    return {**_payload("refund", channel, iou), "transaction": b64encode(transaction).decode()}


def _payload(kind: str, channel: ClientChannel, iou: Iou) -> dict[str, Any]:
    voucher = {
        "channelId": channel.channel_id.hex(),
        "maxClaimableAmount": str(iou.amount),
        "signature": iou.signature.hex(),
    }
    if channel.channel_ref:
        voucher["channelRef"] = channel.channel_ref
    return {"type": kind, "channelConfig": config_json(channel.config), "voucher": voucher}


def read_success(presented: Presented) -> Mapping[str, Any] | None:
    """Return the ``extra`` of a receipt that says success; ``None`` without one."""
    receipt = presented.receipt or {}
    if receipt.get("success") is not True:
        return None
    extra = receipt.get("extra")
    return extra if isinstance(extra, Mapping) else {}


def read_correction(
    presented: Presented, channel_id: bytes
) -> tuple[Mapping[str, Any], Mapping[str, Any]] | None:
    """Return the channel's ``channelState`` and ``voucherState`` in an answer 402, if it has both.

    What they say is the seller's word.
    """
    accepts = (presented.required or {}).get("accepts")
    for each in accepts if isinstance(accepts, list) else ():
        extra = each.get("extra") if isinstance(each, Mapping) else None
        if not isinstance(extra, Mapping):
            continue
        state, voucher = extra.get("channelState"), extra.get("voucherState")
        if not isinstance(state, Mapping) or not isinstance(voucher, Mapping):
            continue
        if state.get("channelId") == channel_id.hex():
            return state, voucher
    return None
