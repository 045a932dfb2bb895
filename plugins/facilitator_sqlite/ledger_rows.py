"""Payments, their events and totals as rows and back; the conditions of a query."""

from dataclasses import fields
from operator import attrgetter
from typing import Any

import orjson

from facilitator.plugin import (
    Claim,
    ClaimState,
    Delivery,
    PaymentEvent,
    PaymentQuery,
    PaymentRecord,
    changing_fields,
)

Row = tuple[Any, ...]

_PAYMENT = [field.name for field in fields(PaymentRecord)]
_VALUES = attrgetter(*_PAYMENT)
_STATE, _DELIVERY = _PAYMENT.index("state"), _PAYMENT.index("delivery")
_TERMS, _SLOT = _PAYMENT.index("terms"), _PAYMENT.index("block_slot")

PAYMENT_COLUMNS = ", ".join(_PAYMENT)
"""The columns of a payment, with the names and the order of its fields."""

NEW_EVENT_COLUMNS = """
    payment, version, nonce, at, state, accepted, block, block_slot, block_height, depth, error,
    delivery, delivery_request, delivered_to
"""
"""The columns of an event as it is added."""

EVENT_COLUMNS = """
    number, transaction_id, version, at, state, accepted, block, block_slot, block_height, depth,
    error, delivery, delivered_to, delivery_request
"""
"""The columns of an event that is joined with its payment, in the order of its fields."""


def places(columns: str) -> str:
    """Return a question mark for each of the columns."""
    return ", ".join("?" for _ in columns.split(","))


def encode_payment(payment: PaymentRecord) -> Row:
    """Return the values of the columns, in their order."""
    values = list(_VALUES(payment))
    values[_STATE], values[_DELIVERY] = str(payment.state), str(payment.delivery)
    values[_TERMS] = None if payment.terms is None else bytearray(orjson.dumps(payment.terms))
    values[_SLOT] = encode_slot(payment.block_slot)
    return tuple(values)


def encode_event(event: PaymentEvent, nonce: str) -> Row:
    """Return the values of :data:`NEW_EVENT_COLUMNS` but the first, and the transaction's id."""
    return (
        event.version,
        nonce,
        event.at,
        str(event.state),  # a plain one: for any other class ``sqlite3`` looks for an adapter
        int(event.accepted),
        event.block,
        encode_slot(event.block_slot),
        event.block_height,
        event.depth,
        event.error,
        str(event.delivery),
        event.delivery_request,
        event.delivered_to,
        event.transaction_id,
    )


def encode_changes(claim: Claim) -> dict[str, Any]:
    """Return the values of the columns of a payment that a change may change, by their names."""
    changes = changing_fields(claim)
    changes["state"] = str(claim.state)
    changes["delivery"] = str(claim.delivery)
    changes["block_slot"] = encode_slot(claim.block_slot)
    return changes


def encode_slot(slot: int | None) -> str | None:
    """Return the slot as text: it may exceed 63 bits."""
    return None if slot is None else str(slot)


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
    for name in ("network", "asset", "caller"):
        if (value := getattr(query, name)) is not None:
            terms.append(f"{name} = ?")
            values.append(value)
    for name in ("payer", "pay_to"):
        if (value := getattr(query, name)) is not None:
            # As their indexes are made. "+" keeps the value from being put into the first term.
            terms.append(f"substr({name}, -12) = substr(?, -12) AND +{name} = ?")
            values += [value, value]
    if query.transaction_id is not None:
        terms.append("transaction_id BETWEEN ? AND ?")  # as its index is ordered
        values += [query.transaction_id, f"{query.transaction_id}g"]
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
