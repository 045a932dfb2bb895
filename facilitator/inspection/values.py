"""Amounts, assets, addresses and times as data that a person can read as well."""

from datetime import UTC, datetime, timedelta
from typing import Any

from facilitator.cardano.addresses.address import format_address
from facilitator.cardano.amounts import readable_name
from facilitator.cardano.slots import EraSummary
from facilitator.cardano.transaction import AssetId, Assets, Output

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def assets(held: Assets) -> list[dict[str, Any]]:
    """Return the assets in the order of their ids."""
    return [_asset(asset, held[asset]) for asset in sorted(held)]


def _asset(asset: AssetId, quantity: int) -> dict[str, Any]:
    policy, name = asset[:28], asset[28:]
    return {
        "asset": f"{policy.hex()}.{name.hex()}",
        "name": readable_name(name),
        "quantity": str(quantity),
    }


def output(held: Output) -> dict[str, Any]:
    """Return the output: its address, its value, its datum and its script."""
    return {
        "address": format_address(held.address),
        "lovelace": held.value.lovelace,
        "assets": assets(held.value.assets),
        "datum": _datum(held),
        "referenceScript": held.script.hash.hex() if held.script else None,
    }


def _datum(held: Output) -> str | None:
    if held.datum is not None:
        return f"inline, {len(held.datum)} bytes"
    return f"hash {held.datum_hash.hex()}" if held.datum_hash else None


def slot_time(slot: int, eras: EraSummary) -> str:
    """Return the start of the slot in UTC by ISO 8601, as far as the calendar goes."""
    try:
        begins = _EPOCH + timedelta(milliseconds=eras.start_ms(slot))
    except OverflowError:
        return "after the year 9999"
    return begins.isoformat(timespec="seconds").replace("+00:00", "Z")
