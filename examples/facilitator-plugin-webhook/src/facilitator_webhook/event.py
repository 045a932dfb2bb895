"""A message: what the receiver gets of one change of a settlement, and its signature."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from facilitator.plugin import (
    ClaimState,
    Delivery,
    PaymentEvent,
    PaymentRecord,
    event_json,
    payment_json,
)

ID_HEADER = "X-Facilitator-Event"
SIGNATURE_HEADER = "X-Facilitator-Signature"

_OF_PAYMENT = (
    "network",
    "scheme",
    "method",
    "payer",
    "payTo",
    "asset",
    "amount",
    "fee",
    "resource",
    "caller",
    "identifier",
    "confirmations",
)
"""The fields of a payment that do not change."""


@dataclass(frozen=True)
class Message:
    """An event as it is sent."""

    id: str
    """The same at each attempt, so that a receiver knows what it has already."""
    body: bytes


def message_of(event: PaymentEvent, payment: PaymentRecord) -> Message:
    """Return the message of an event. It has neither the transaction nor the delivered answer."""
    identifier = f"{event.number}-{event.transaction_id[:16]}"
    known = payment_json(payment)
    change = event_json(event)
    settlement = {**{name: known[name] for name in _OF_PAYMENT}, **change}
    return _message(identifier, type_of(event), change["at"], "settlement", settlement)


def channel_message(notice: Mapping[str, Any], at: str) -> Message:
    """Return the message of a notice about a payment channel, of the plugin ``channels_watcher``.

    ``at`` is the time at which it is sent.
    """
    channel = {name: value for name, value in notice.items() if name not in ("id", "type")}
    return _message(notice["id"], notice["type"], at, "channel", channel)


def sample_message(at: str) -> Message:
    """Return a message without a settlement, for ``facilitator webhooks test``."""
    return _message(f"test-{at}", "test", at, "settlement", {})


def type_of(event: PaymentEvent) -> str:
    """Return the type: ``settlement.`` and what happened."""
    if event.delivery is Delivery.DELIVERED:
        return "settlement.delivered"
    if event.state is ClaimState.SUBMITTED and event.accepted:
        return "settlement.accepted"
    return f"settlement.{event.state}"


def _message(identifier: str, kind: str, at: str, name: str, subject: dict[str, Any]) -> Message:
    body = {"id": identifier, "type": kind, "createdAt": at, name: subject}
    text = json.dumps(body, separators=(",", ":"), ensure_ascii=True)
    return Message(identifier, text.encode())


def sign(secret: str, body: bytes, seconds: int) -> str:
    """Return the signature's header: the time, and an HMAC-SHA256 over time, dot and body."""
    signed = f"{seconds}.".encode() + body
    return f"t={seconds},v1={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}"
