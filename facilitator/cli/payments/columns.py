"""A payment in exports: as JSON, and as columns of CSV that no spreadsheet takes for a formula."""

import csv
import json
from collections.abc import Mapping
from typing import Any, Protocol

from facilitator.cli.payments.amounts import LOVELACE, Decimals, with_decimals
from facilitator.roles.payment_json import payment_json
from facilitator.roles.payment_record import PaymentRecord

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
"""The columns of CSV in their order. Further ones may come at the end."""

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "'")
"""Texts that begin so are marked; that with the mark itself as well, so that it can be removed."""


class Writes(Protocol):
    """Something that text is written to."""

    def write(self, text: str, /) -> object:
        """Write the text."""
        ...


def payment_values(payment: PaymentRecord, decimals: Decimals) -> dict[str, Any]:
    """Return the payment as JSON, with its amounts in decimals where they are known."""
    fee = payment.fee
    return {
        **payment_json(payment),
        "amountDecimal": with_decimals(payment.amount, payment.asset, decimals),
        "feeAda": None if fee is None else with_decimals(fee, LOVELACE, decimals),
    }


def flattened(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a payment for CSV, with columns for the parts of its block."""
    block = values["block"] or {}
    return {
        **values,
        "block": block.get("hash"),
        "blockSlot": block.get("slot"),
        "blockHeight": block.get("height"),
        "depth": block.get("depth"),
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
        self._writer.writerow([_cell(values.get(column)) for column in self._columns])


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
