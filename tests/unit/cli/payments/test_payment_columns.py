"""Exports: CSV and JSON Lines have the whole record, and no cell is a formula."""

import csv
import io
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given

from facilitator.cli.payments.amounts import ADA_DECIMALS
from facilitator.cli.payments.columns import (
    COLUMNS,
    CsvWriter,
    flattened,
    json_line,
    payment_values,
)
from facilitator.roles.claim import ClaimState, Delivery
from facilitator.roles.payment_record import PaymentRecord
from support.ledger_records import any_record, paid

ADA = {"lovelace": ADA_DECIMALS}


def seconds(text: str | None) -> float | None:
    return None if text is None else datetime.fromisoformat(text).timestamp()


def record(values: Mapping[str, Any]) -> PaymentRecord:
    """The record that was exported, from the values of its columns; ``None`` for what is not."""
    created, updated = seconds(values["createdAt"]), seconds(values["updatedAt"])
    assert created is not None
    assert updated is not None
    nothing = None if values["erased"] else ""
    return PaymentRecord(
        transaction_id=values["transaction"],
        network=values["network"],
        scheme=values["scheme"],
        method=values["method"],
        payer=values["payer"] or nothing,
        pay_to=values["payTo"],
        asset=values["asset"],
        amount=values["amount"],
        fee=None if values["fee"] is None else int(values["fee"]),
        resource=values["resource"] or nothing,
        caller=values["caller"] or "",
        client=values["client"] or nothing,
        identifier=values["identifier"] or nothing,
        terms=values["terms"],
        request_id=values["requestId"] or "",
        state=ClaimState(values["state"]),
        confirmations=values["confirmations"],
        created_at=created,
        updated_at=updated,
        settled_at=seconds(values["settledAt"]),
        block=values["block"],
        block_slot=values["blockSlot"],
        block_height=values["blockHeight"],
        depth=values["depth"],
        error=values["error"],
        delivery=Delivery(values["delivery"]),
        delivered_at=seconds(values["deliveredAt"]),
        delivered_to=values["deliveredTo"] or nothing,
        is_erased=values["erased"],
    )


NUMBERS = ("confirmations", "blockSlot", "blockHeight", "depth")
MAY_BE_MISSING = (
    "settledAt", "fee", "block", "blockSlot", "blockHeight", "depth", "error", "deliveredAt",
    "terms",
)  # fmt: skip


def from_csv(cells: Mapping[str, str]) -> dict[str, Any]:
    """The values that JSON has, from the cells of a row, as the documentation says."""
    values: dict[str, Any] = {
        name: cell[1:] if cell.startswith("'") else cell for name, cell in cells.items()
    }
    values["erased"] = values["erased"] == "true"
    for name in MAY_BE_MISSING:
        values[name] = values[name] or None
    for name in NUMBERS:
        values[name] = None if values[name] is None else int(values[name])
    values["terms"] = None if values["terms"] is None else json.loads(values["terms"])
    return values


def as_csv(*payments: PaymentRecord) -> str:
    output = io.StringIO(newline="")
    writer = CsvWriter(output, COLUMNS)
    for payment in payments:
        writer.write(flattened(payment_values(payment, ADA)))
    return output.getvalue()


@given(any_record())
def test_json_lines_parse_back_to_the_record(payment: PaymentRecord) -> None:
    line = json_line(payment_values(payment, ADA))
    assert (line.count("\n"), line[-1], line.isascii()) == (1, "\n", True)
    values = json.loads(line)
    assert {*flattened(values)} == {*COLUMNS}
    assert record(flattened(values)) == payment


@given(any_record())
def test_csv_parses_back_to_the_record(payment: PaymentRecord) -> None:
    reader = csv.DictReader(io.StringIO(as_csv(payment), newline=""))
    (cells,) = reader
    assert tuple(reader.fieldnames or ()) == COLUMNS
    assert record(from_csv(cells)) == payment


@given(any_record())
def test_no_cell_is_a_formula(payment: PaymentRecord) -> None:
    _, row = csv.reader(io.StringIO(as_csv(payment), newline=""))
    numbers = {COLUMNS.index(name) for name in NUMBERS}
    for index, cell in enumerate(row):
        assert index in numbers or not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))


@pytest.mark.parametrize("formula", ['=HYPERLINK("http://x")', "+1", "-1", "@SUM(A1)", "\t=1"])
def test_a_payers_formula_is_a_text(formula: str) -> None:
    _, row = csv.reader(io.StringIO(as_csv(paid(resource=formula)), newline=""))
    assert row[COLUMNS.index("resource")] == f"'{formula}"


def test_amounts_are_in_atomic_units_and_with_decimals() -> None:
    values = payment_values(paid(), ADA)
    assert (values["amount"], values["amountDecimal"]) == ("2000000", "2.000000")
    assert (values["fee"], values["feeAda"]) == ("170000", "0.170000")
    token = f"{'ab' * 28}.{b'coin'.hex()}"
    assert payment_values(paid(asset=token), ADA)["amountDecimal"] is None
    assert payment_values(paid(asset=token), {token: 2})["amountDecimal"] == "20000.00"
