"""An event: what the receiver gets of a changed settlement, and its signature."""

import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import Any

from facilitator.plugin import Claim, Delivery

ID_HEADER = "X-Facilitator-Event"
SIGNATURE_HEADER = "X-Facilitator-Signature"


@dataclass(frozen=True)
class Event:
    """One change of a settlement."""

    id: str
    payment: str
    """The transaction's id: events of one payment keep their order."""
    version: int
    body: bytes


def event_of(claim: Claim, now: float) -> Event:
    """Return the event. It has neither the transaction, which is money, nor the answer."""
    change = f"{claim.transaction_id}:{claim.version}:{claim.nonce}"
    identifier = hashlib.sha256(change.encode()).hexdigest()[:32]
    body = {
        "id": identifier,
        "type": f"settlement.{claim.state}",
        "createdAt": now,
        "settlement": _settlement(claim),
    }
    text = json.dumps(body, separators=(",", ":"), ensure_ascii=True)
    return Event(identifier, claim.transaction_id, claim.version, text.encode())


def _settlement(claim: Claim) -> dict[str, Any]:
    return {
        "transaction": claim.transaction_id,
        "network": claim.network,
        "state": str(claim.state),
        "payer": claim.payer,
        "amount": claim.amount,
        "confirmations": claim.confirmations,
        "accepted": claim.accepted,
        "delivered": claim.delivery is Delivery.DELIVERED,
        "block": claim.block,
        "blockSlot": claim.block_slot,
        "blockHeight": claim.block_height,
        "depth": claim.depth,
        "error": claim.error,
        "version": claim.version,
        "updatedAt": claim.updated_at,
    }


def sign(secret: str, body: bytes, seconds: int) -> str:
    """Return the signature's header: the time, and an HMAC-SHA256 over time, dot and body."""
    signed = f"{seconds}.".encode() + body
    return f"t={seconds},v1={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}"
