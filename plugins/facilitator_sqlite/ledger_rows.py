"""Payments, their events and totals as rows and back; the conditions of a query."""

from dataclasses import fields
from typing import Any

import orjson

from facilitator.plugin import ClaimState, Delivery, PaymentEvent, PaymentQuery, PaymentRecord

Row = tuple[Any, ...]

_PAYMENT = [field.name for field in fields(PaymentRecord)]

PAYMENT_COLUMNS = ", ".join(_PAYMENT)
"""The columns of a payment, with the names and the order of its fields."""

EVENT_COLUMNS = """
    number, transaction_id, version, at, state, accepted, block, block_slot, block_height, depth,
    error, delivery, delivered_to, delivery_request
"""
"""The columns of an event that is joined with its payment, in the order of its fields."""


def encode_payment(payment: PaymentRecord) -> dict[str, Any]:
    """Return the values of the columns by their names."""
    values = {name: getattr(payment, name) for name in _PAYMENT}
    values["terms"] = None if payment.terms is None else orjson.dumps(payment.terms)
    return with_slot(values)


def with_slot(values: dict[str, Any]) -> dict[str, Any]:
    """Return the values with the slot as text: it may exceed 63 bits."""
    if values["block_slot"] is not None:
        values["block_slot"] = str(values["block_slot"])
    return values


def encode_event(event: PaymentEvent, payment: int, nonce: str) -> dict[str, Any]:
    """Return the values of an event's columns; ``payment`` is the number of its payment."""
    return {
        "payment": payment,
        "version": event.version,
        "nonce": nonce,
        "at": event.at,
        "state": event.state,
        "accepted": event.accepted,
        "block": event.block,
        "block_slot": None if event.block_slot is None else str(event.block_slot),
        "block_height": event.block_height,
        "depth": event.depth,
        "error": event.error,
        "delivery": event.delivery,
        "delivered_to": event.delivered_to,
        "delivery_request": event.delivery_request,
    }


def decode_payment(row: Row) -> PaymentRecord:
    """Return the payment whose columns have these values."""
    values = dict(zip(_PAYMENT, row, strict=True))
    values["state"] = ClaimState(values["state"])
    values["delivery"] = Delivery(values["delivery"])
    values["terms"] = None if values["terms"] is None else orjson.loads(values["terms"])
    values["block_slot"] = None if values["block_slot"] is None else int(values["block_slot"])
    values["is_erased"] = bool(values["is_erased"])
    return PaymentRecord(**values)


def decode_event(row: Row) -> PaymentEvent:
    """Return the event whose columns have these values."""
    number, this, version, at, state, accepted, block, slot, height, depth, error, *rest = row
    delivery, delivered_to, delivery_request = rest
    return PaymentEvent(
        number=number,
        transaction_id=this,
        version=version,
        at=at,
        state=ClaimState(state),
        accepted=bool(accepted),
        block=block,
        block_slot=None if slot is None else int(slot),
        block_height=height,
        depth=depth,
        error=error,
        delivery=Delivery(delivery),
        delivered_to=delivered_to,
        delivery_request=delivery_request,
    )


def conditions(query: PaymentQuery) -> tuple[str, list[Any]]:
    """Return the condition that the payments of the query meet, and its parameters."""
    terms, values = ["true"], []
    for name in ("network", "payer", "pay_to", "asset", "caller"):
        if (value := getattr(query, name)) is not None:
            terms.append(f"{name} = ?")
            values.append(value)
    if query.states is not None:
        terms.append(f"state IN ({', '.join('?' for _ in query.states)})")
        values += query.states
    if query.resource is not None:
        beginning = query.resource.encode()
        terms.append("substr(CAST(resource AS BLOB), 1, ?) = ?")  # a text ends at NUL there
        values += [len(beginning), beginning]
    if query.since is not None:
        terms.append("created_at >= ?")
        values.append(query.since)
    if query.until is not None:
        terms.append("created_at < ?")
        values.append(query.until)
    return " AND ".join(terms), values
