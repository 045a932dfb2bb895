"""Outputs from their JSON."""

from facilitator.cardano.addresses.address import check_output_address, parse_address
from facilitator.cardano.cbor import DecodeError, read_all
from facilitator.cardano.codec.scripts import read_plutus_data
from facilitator.cardano.transaction import AssetId, Output, OutputRef, Value
from facilitator_koios.fields import Malformed, Row, optional, raw_bytes, rows, table, text, whole

_POLICY_SIZE, _LONGEST_NAME = 28, 32


def read_ref(row: Row) -> OutputRef:
    """Return the reference of a row's output."""
    return OutputRef(raw_bytes(row, "tx_hash", 32), whole(row, "tx_index"))


def read_output(row: Row) -> Output:
    """Return the output of an extended row, without its reference script and its sizes.

    Raises :class:`Malformed`, also for a row that is not extended: it would look as if it had no
    assets, no datum and no script.
    """
    try:
        address = parse_address(text(row, "address"))
        check_output_address(address)
    except ValueError as error:
        raise Malformed(f"an address is none: {error}") from None
    for name in ("datum_hash", "inline_datum", "reference_script"):
        if name not in row:
            raise Malformed(f"an output without {name}")
    # The hash of an inline datum is given as well, but the output doesn't have it.
    datum = optional(_inline_datum, row, "inline_datum")
    datum_hash = None if datum is not None else optional(_datum_hash, row, "datum_hash")
    return Output(address, Value(whole(row, "value"), _assets(row)), 0, datum_hash, datum)


def _datum_hash(row: Row, name: str) -> bytes:
    return raw_bytes(row, name, 32)


def _inline_datum(row: Row, name: str) -> bytes:
    datum = raw_bytes(table(row[name], name), "bytes")
    try:
        return read_all(datum, read_plutus_data, "an inline datum")
    except DecodeError as error:
        raise Malformed(str(error)) from None


def _assets(row: Row) -> dict[AssetId, int]:
    assets: dict[AssetId, int] = {}
    for entry in rows(row.get("asset_list"), "asset_list"):
        name = optional(raw_bytes, entry, "asset_name") or b""
        asset = raw_bytes(entry, "policy_id", _POLICY_SIZE) + name
        quantity = whole(entry, "quantity")
        if len(name) > _LONGEST_NAME or asset in assets or not quantity:
            raise Malformed("asset_list has an asset that cannot be")
        assets[asset] = quantity
    return assets
