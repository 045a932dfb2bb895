"""The messages that a seller answers with."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from facilitator_channels.seller.record import ChannelRecord, KeptAnswer, Kind
from facilitator_channels.seller.request import ChannelRequest, Refusal

MAX_KEPT_BYTES = 65_536
"""The longest response that is kept for a client that loses it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A request that is answered without work: a repeat, or a refund."""

    settlement: Mapping[str, Any]
    """The settlement response, for the header ``PAYMENT-RESPONSE``."""
    response: bytes
    """The argument of :meth:`Seller.after` for the first answer; empty for a refund."""


def settlement(
    request: ChannelRequest,
    record: ChannelRecord,
    charge: int,
    settled: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """Return the settlement response of a request that was charged.

    ``settled`` is the facilitator's answer to a deposit or a refund.
    """
    answer = dict(settled) if settled is not None else _of_voucher(request)
    extra = dict(answer.get("extra") or {})
    if request.kind is not Kind.REFUND:
        extra["chargedAmount"] = str(charge)
        extra["commitmentId"] = f"{request.channel_id}:{request.voucher.amount}"
    extra["channelState"] = record.state_json()
    return {**answer, "extra": extra}


def keep(
    request: ChannelRequest, answer: Mapping[str, Any], response: bytes, now_ms: int
) -> KeptAnswer | None:
    """Return what is kept of an answer; ``None`` if it is too long."""
    if len(response) > MAX_KEPT_BYTES:
        return None
    return KeptAnswer(request.kind, now_ms, orjson.dumps(answer), response)


def correct(requirements: Mapping[str, Any], refusal: Refusal) -> dict[str, Any]:
    """Return the requirements for the answer 402, with the channel's state if there is one to show.

    It goes to the holder of the channel's key alone: with the signature anyone could ask for the
    kept answer.
    """
    record = refusal.record
    if record is None:
        return dict(requirements)
    extra = {**requirements["extra"], "channelState": record.state_json()}
    if record.voucher is not None:
        extra["voucherState"] = {
            "signedMaxClaimable": str(record.signed),
            "signature": record.voucher.signature.hex(),
        }
    return {**requirements, "extra": extra}


def _of_voucher(request: ChannelRequest) -> dict[str, Any]:
    return {
        "success": True,
        "transaction": "",
        "network": request.network,
        "payer": request.config.payer.hex(),
        "amount": "",
    }
