"""Amounts, assets, addresses and times as data that a person can read as well."""

from datetime import UTC, datetime, timedelta
from typing import Any

from facilitator.cardano.addresses.address import format_address
from facilitator.cardano.slots import EraSummary
from facilitator.cardano.transaction import AssetId, Assets, Output

_LABEL_BYTES = 4
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def ada(lovelace: int) -> str:
    """Return the amount in ada, with all six decimals."""
    whole, rest = divmod(abs(lovelace), 1_000_000)
    return f"{'-' if lovelace < 0 else ''}{whole:,}.{rest:06d} ada"


def readable_name(name: bytes) -> str | None:
    """Return the asset name as text if it is printable ASCII, with its CIP-67 label if any."""
    label = ""
    if len(name) > _LABEL_BYTES and name[0] & 0xF0 == 0 and name[3] & 0x0F == 0:
        label = f"({int.from_bytes(name[:_LABEL_BYTES]) >> 12 & 0xFFFF})"
        name = name[_LABEL_BYTES:]
    text = name.decode("ascii", "replace")
    return label + text if text and text.isascii() and text.isprintable() else None


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
