"""Outputs from their JSON."""

from collections.abc import Mapping
from typing import Any

from facilitator.cardano.addresses.address import check_output_address, parse_address
from facilitator.cardano.cbor import DecodeError, read_all
from facilitator.cardano.codec.scripts import read_plutus_data
from facilitator.cardano.transaction import AssetId, Output, Value
from facilitator_blockfrost.fields import Malformed, optional, raw_bytes, rows, text, whole

_LOVELACE = "lovelace"
_POLICY_SIZE, _LONGEST_ASSET = 28, 60


def read_output(row: Mapping[str, Any]) -> Output:
    """Return the output in a row of ``/utxos``, without its reference script and its sizes.

    Raises :class:`Malformed`.
    """
    try:
        address = parse_address(text(row, "address"))
        check_output_address(address)
    except ValueError as error:
        raise Malformed(f"an address is none: {error}") from None
    for name in ("data_hash", "inline_datum"):
        if name not in row:
            raise Malformed(f"an output without {name}")
    # The hash of an inline datum is given as well, but the output doesn't have it.
    datum = optional(_inline_datum, row, "inline_datum")
    datum_hash = None if datum is not None else optional(_datum_hash, row, "data_hash")
    return Output(address, _value(row), 0, datum_hash, datum)


def _datum_hash(row: Mapping[str, Any], name: str) -> bytes:
    return raw_bytes(row, name, 32)


def _inline_datum(row: Mapping[str, Any], name: str) -> bytes:
    datum = raw_bytes(row, name)
    try:
        return read_all(datum, read_plutus_data, "an inline datum")
    except DecodeError as error:
        raise Malformed(str(error)) from None


def _value(row: Mapping[str, Any]) -> Value:
    lovelace: int | None = None
    assets: dict[AssetId, int] = {}
    for entry in rows(row.get("amount"), "amount"):
        quantity = whole(entry, "quantity")
        if entry.get("unit") == _LOVELACE:
            lovelace = quantity
            continue
        asset = raw_bytes(entry, "unit")
        if not _POLICY_SIZE <= len(asset) <= _LONGEST_ASSET or asset in assets or not quantity:
            raise Malformed("amount has an asset that cannot be")
        assets[asset] = quantity
    if lovelace is None:
        raise Malformed("amount has no lovelace")
    return Value(lovelace, assets)
