"""Payments, events, totals and refusals as JSON: of ``GET /payments``, of commands and of plugins.

Times are ISO 8601 in UTC with milliseconds. Amounts are decimal text in atomic units.
"""

from datetime import UTC, datetime
from typing import Any

from facilitator.roles.payment_ledger import RefusalCount, Total
from facilitator.roles.payment_record import PaymentEvent, PaymentRecord


def iso_time(seconds: float) -> str:
    """Return Unix seconds as ``YYYY-MM-DDTHH:MM:SS.mmmZ``."""
    text = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def payment_json(payment: PaymentRecord) -> dict[str, Any]:
    """Return the payment; what is not known, or was erased, is ``None``."""
    return {
        "transaction": payment.transaction_id,
        "network": payment.network,
        "scheme": payment.scheme,
        "method": payment.method,
        "state": payment.state,
        "payer": payment.payer or None,
        "payTo": payment.pay_to,
        "asset": payment.asset,
        "amount": payment.amount,
        "fee": None if payment.fee is None else str(payment.fee),
        "resource": payment.resource or None,
        "caller": payment.caller or None,
        "client": payment.client or None,
        "identifier": payment.identifier or None,
        "terms": payment.terms,
        "requestId": payment.request_id or None,
        "confirmations": payment.confirmations,
        "createdAt": iso_time(payment.created_at),
        "updatedAt": iso_time(payment.updated_at),
        "settledAt": _time(payment.settled_at),
        "block": _block(payment),
        "error": payment.error,
        "delivery": payment.delivery,
        "deliveredAt": _time(payment.delivered_at),
        "deliveredTo": payment.delivered_to or None,
        "erased": payment.is_erased,
    }


def event_json(event: PaymentEvent) -> dict[str, Any]:
    """Return the event."""
    return {
        "number": event.number,
        "transaction": event.transaction_id,
        "at": iso_time(event.at),
        "state": event.state,
        "accepted": event.accepted,
        "block": _block(event),
        "error": event.error,
        "delivery": event.delivery,
        "deliveredTo": event.delivered_to or None,
        "deliveryRequestId": event.delivery_request or None,
    }


def total_json(total: Total) -> dict[str, Any]:
    """Return the total, without the fields that were not asked for."""
    asked = {"day": total.day, "payTo": total.pay_to, "caller": total.caller}
    return {
        **{name: value for name, value in asked.items() if value is not None},
        "network": total.network,
        "asset": total.asset,
        "count": total.count,
        "amount": str(total.amount),
        "fee": str(total.fee),
    }


def refusal_json(refusal: RefusalCount) -> dict[str, Any]:
    """Return the count."""
    return {
        "day": refusal.day,
        "endpoint": refusal.endpoint,
        "reason": refusal.reason,
        "caller": refusal.caller or None,
        "count": refusal.count,
        "lastAt": iso_time(refusal.last_at),
        "sample": refusal.sample,
    }


def _time(seconds: float | None) -> str | None:
    return None if seconds is None else iso_time(seconds)


def _block(seen: PaymentRecord | PaymentEvent) -> dict[str, Any] | None:
    if seen.block is None:
        return None
    return {
        "hash": seen.block,
        "slot": seen.block_slot,
        "height": seen.block_height,
        "depth": seen.depth,
    }
