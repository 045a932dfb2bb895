"""Values in Blockfrost's form."""

from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from facilitator.cardano.addresses.address import format_address
from facilitator.cardano.transaction import Output, OutputRef, Value
from facilitator_devnet.index import datum_hash

address_text = lru_cache(maxsize=4096)(format_address)
"""The address as text."""


def amount(value: Value) -> list[dict[str, str]]:
    """Return ``[{unit, quantity}, …]``, lovelace first."""
    return [
        {"unit": "lovelace", "quantity": str(value.lovelace)},
        *(
            {"unit": asset.hex(), "quantity": str(quantity)}
            for asset, quantity in sorted(value.assets.items())
        ),
    ]


def total(values: Iterable[Value]) -> Value:
    """Return the sum."""
    lovelace, assets = 0, Counter[bytes]()
    for value in values:
        lovelace += value.lovelace
        for asset, quantity in value.assets.items():
            assets[asset] += quantity
    return Value(lovelace, assets)


def output_fields(output: Output) -> dict[str, Any]:
    """Return the fields of an output that every endpoint shows."""
    data = output.datum_hash if output.datum is None else datum_hash(output.datum)
    return {
        "address": address_text(output.address),
        "amount": amount(output.value),
        "data_hash": None if data is None else data.hex(),
        "inline_datum": None if output.datum is None else output.datum.hex(),
        "reference_script_hash": None if output.script is None else output.script.hash.hex(),
    }


def reference(ref: OutputRef) -> dict[str, Any]:
    """Return the output's transaction and index."""
    return {"tx_hash": ref.transaction_id.hex(), "output_index": ref.index}


def text(number: int | None) -> str | None:
    """Return the number as text."""
    return None if number is None else str(number)
