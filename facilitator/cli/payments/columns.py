"""A payment as the columns of an export: the same names in CSV and JSON."""

import csv
import json
from collections.abc import Mapping
from typing import Any, Protocol

from facilitator.cli.payments.amounts import Decimals, with_decimals
from facilitator.cli.payments.texts import iso_text
from facilitator.roles.payment_record import PaymentEvent, PaymentRecord

COLUMNS = (
    "transaction",
    "network",
    "scheme",
    "method",
    "state",
    "createdAt",
    "settledAt",
    "payer",
    "payTo",
    "asset",
    "amount",
    "amountDecimal",
    "fee",
    "feeAda",
    "resource",
    "caller",
    "client",
    "identifier",
    "terms",
    "requestId",
    "confirmations",
    "block",
    "blockSlot",
    "blockHeight",
    "depth",
    "error",
    "delivery",
    "deliveredAt",
    "deliveredTo",
    "updatedAt",
    "erased",
)
"""The columns in their order. Further ones may come at the end."""

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "'")
"""Texts that begin so are marked; that with the mark itself as well, so that it can be removed."""


class Writes(Protocol):
    """Something that text is written to."""

    def write(self, text: str, /) -> object:
        """Write the text."""
        ...


def payment_values(payment: PaymentRecord, decimals: Decimals) -> dict[str, Any]:
    """Return the values by column: times by ISO 8601, ``None`` for what is not known or erased."""
    fee = payment.fee
    return {
        "transaction": payment.transaction_id,
        "network": payment.network,
        "scheme": payment.scheme,
        "method": payment.method,
        "state": str(payment.state),
        "createdAt": iso_text(payment.created_at),
        "settledAt": _time(payment.settled_at),
        "payer": payment.payer,
        "payTo": payment.pay_to,
        "asset": payment.asset,
        "amount": payment.amount,
        "amountDecimal": with_decimals(payment.amount, payment.asset, decimals),
        "fee": None if fee is None else str(fee),
        "feeAda": None if fee is None else with_decimals(fee, "lovelace", decimals),
        "resource": payment.resource,
        "caller": payment.caller,
        "client": payment.client,
        "identifier": payment.identifier,
        "terms": payment.terms,
        "requestId": payment.request_id,
        "confirmations": payment.confirmations,
        "block": payment.block,
        "blockSlot": payment.block_slot,
        "blockHeight": payment.block_height,
        "depth": payment.depth,
        "error": payment.error,
        "delivery": str(payment.delivery),
        "deliveredAt": _time(payment.delivered_at),
        "deliveredTo": payment.delivered_to,
        "updatedAt": iso_text(payment.updated_at),
        "erased": payment.is_erased,
    }


def event_values(event: PaymentEvent) -> dict[str, Any]:
    """Return the event's values by their names in JSON."""
    return {
        "number": event.number,
        "transaction": event.transaction_id,
        "version": event.version,
        "at": iso_text(event.at),
        "state": str(event.state),
        "accepted": event.accepted,
        "block": event.block,
        "blockSlot": event.block_slot,
        "blockHeight": event.block_height,
        "depth": event.depth,
        "error": event.error,
        "delivery": str(event.delivery),
        "deliveredTo": event.delivered_to,
        "deliveryRequest": event.delivery_request,
    }


class CsvWriter:
    """Rows as CSV by RFC 4180, in which no cell is a formula to a spreadsheet."""

    def __init__(self, output: Writes, columns: tuple[str, ...]) -> None:
        """Write the row of headings."""
        self._writer = csv.writer(output)
        self._columns = columns
        self._writer.writerow(columns)

    def write(self, values: Mapping[str, Any]) -> None:
        """Write the values of one row."""
        self._writer.writerow([_cell(values[column]) for column in self._columns])


def json_line(values: Mapping[str, Any]) -> str:
    """Return the values as one line of JSON Lines, in ASCII."""
    return json.dumps(values, separators=(",", ":")) + "\n"


def _cell(value: object) -> object:
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case str():
            return f"'{value}" if value.startswith(_FORMULA_STARTS) else value
        case Mapping():
            return json.dumps(value, separators=(",", ":"))
    return value


def _time(seconds: float | None) -> str | None:
    return None if seconds is None else iso_text(seconds)
