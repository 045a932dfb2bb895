"""Payments, their events and totals as rows and back; the conditions of a query."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import orjson

from facilitator.plugin import (
    Claim,
    ClaimState,
    Delivery,
    PaymentEvent,
    PaymentQuery,
    PaymentRecord,
    is_recorded,
    new_event,
    new_record,
)
from facilitator_postgres.rows import Row, escape, unescape

_PAYMENT = [field.name for field in fields(PaymentRecord)]
_EVENT = [field.name for field in fields(PaymentEvent)]

PAYMENT_COLUMNS = ", ".join(_PAYMENT)
"""The columns of a payment, with the names and the order of its fields."""

EVENT_COLUMNS = ", ".join(
    f"p.{name}" if name == "transaction_id" else f"e.{name}" for name in _EVENT
)
"""The columns of an event ``e`` of a payment ``p``, in the order of its fields."""


def encode_changes(claims: Sequence[Claim]) -> str:
    """Return the changes that are recorded, as the functions of the schema take them."""
    return orjson.dumps([_encode_change(each) for each in claims if is_recorded(each)]).decode()


def _encode_change(claim: Claim) -> dict[str, Any]:
    payment = new_record(claim)
    event = new_event(claim, 0, is_erased=False)
    return {
        "payment": {
            **_encode(_PAYMENT, payment),
            "terms": None if payment.terms is None else orjson.dumps(payment.terms).decode(),
        },
        "event": {**_encode(_EVENT, event), "nonce": escape(claim.nonce)},
    }


def _encode(names: Sequence[str], record: PaymentRecord | PaymentEvent) -> dict[str, Any]:
    values = ((name, getattr(record, name)) for name in names)
    return {name: escape(each) if isinstance(each, str) else each for name, each in values}


def decode_payment(row: Row) -> PaymentRecord:
    """Return the payment whose columns have these values."""
    values = dict(zip(_PAYMENT, row, strict=True))
    terms = values.pop("terms")
    values = _decode(values)
    values["terms"] = None if terms is None else orjson.loads(terms)
    values["fee"] = None if values["fee"] is None else int(values["fee"])
    return PaymentRecord(**values)


def decode_event(row: Row) -> PaymentEvent:
    """Return the event whose columns have these values."""
    return PaymentEvent(**_decode(dict(zip(_EVENT, row, strict=True))))


def _decode(row: dict[str, Any]) -> dict[str, Any]:
    values = {name: unescape(each) if isinstance(each, str) else each for name, each in row.items()}
    values["state"] = ClaimState(values["state"])
    values["delivery"] = Delivery(values["delivery"])
    values["block_slot"] = None if values["block_slot"] is None else int(values["block_slot"])
    return values


def conditions(query: PaymentQuery) -> tuple[str, list[Any]]:
    """Return the condition that the payments of the query meet, and its parameters."""
    terms, values = ["true"], list[Any]()
    for name in ("network", "payer", "pay_to", "asset", "caller"):
        if (value := getattr(query, name)) is not None:
            terms.append(f"{name} = %s")
            values.append(escape(value))
    for name in ("payer", "pay_to"):  # as their indexes are made
        if (value := getattr(query, name)) is not None:
            terms.append(f"hashtextextended({name}, 0) = hashtextextended(%s, 0)")
            values.append(escape(value))
    if query.transaction_id is not None:
        terms.append("transaction_id BETWEEN %s AND %s")  # as its index is ordered
        values += [escape(query.transaction_id), escape(f"{query.transaction_id}g")]
    if query.states is not None:
        terms.append("state = ANY (%s)")
        values.append([str(each) for each in query.states])
    if query.resource is not None:
        terms.append("starts_with(resource, %s)")
        values.append(escape(query.resource))
    if query.since is not None:
        terms.append("created_at >= %s")
        values.append(query.since)
    if query.until is not None:
        terms.append("created_at < %s")
        values.append(query.until)
    return " AND ".join(terms), values
