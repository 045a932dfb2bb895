"""The plugin's settings."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from facilitator.cardano.addresses.address import parse_address, read_address
from facilitator.plugin import setting

_KEY_HASH = re.compile(r"[0-9a-f]{56}")
_ASSET = re.compile(r"lovelace|[0-9a-f]{56}\.([0-9a-f]{2}){0,32}")
_CEILING = re.compile(r"([1-9][0-9]{0,77}) (\S+)")


def _payers(payers: Sequence[str]) -> str | None:
    return _first_wrong(payers, key_hash_of)


def _addresses(addresses: Sequence[str]) -> str | None:
    return _first_wrong(addresses, parse_address)


def _assets(assets: Sequence[str]) -> str | None:
    for asset in assets:
        if not _ASSET.fullmatch(asset):
            return f"{asset!r} is neither lovelace nor <policy id>.<asset name in hex>"
    return None


def _ceilings(texts: Sequence[str]) -> str | None:
    for text in texts:
        match = _CEILING.fullmatch(text)
        if match is None:
            return f"{text!r} is not an amount and an asset, such as '50000000 lovelace'"
        if complaint := _assets([match[2]]):
            return complaint
    return None


def _first_wrong(texts: Sequence[str], read: Callable[[str], object]) -> str | None:
    for text in texts:
        try:
            read(text)
        except ValueError as error:
            return f"{text!r}: {error}"
    return None


def key_hash_of(payer: str) -> bytes:
    """Return the key hash that names a payer. Raises :class:`ValueError`.

    It is given in hex, or by an address that the key can spend from.
    """
    if _KEY_HASH.fullmatch(payer):
        return bytes.fromhex(payer)
    payment = read_address(parse_address(payer)).payment
    if payment is None or payment.is_script:
        raise ValueError("is no address of a key")
    return payment.hash


def ceilings_of(texts: Sequence[str]) -> dict[str, int]:
    """Return the ceilings by asset."""
    matches = (_CEILING.fullmatch(text) for text in texts)
    return {match[2]: int(match[1]) for match in matches if match is not None}


@dataclass(frozen=True)
class PolicySettings:
    """The table ``policy``. An empty list of what is allowed allows everything."""

    allow_payers: tuple[str, ...] = setting(
        (), "Payers that may pay, by key hash or address; every signature counts.", check=_payers
    )
    deny_payers: tuple[str, ...] = setting(
        (), "Payers that may not pay, by key hash or address.", check=_payers
    )
    allow_pay_to: tuple[str, ...] = setting((), "Addresses that may be paid.", check=_addresses)
    deny_pay_to: tuple[str, ...] = setting((), "Addresses that may not be paid.", check=_addresses)
    allow_assets: tuple[str, ...] = setting(
        (), "Assets that may be paid: lovelace, or policy id, dot, name in hex.", check=_assets
    )
    deny_assets: tuple[str, ...] = setting((), "Assets that may not be paid.", check=_assets)
    allow_callers: tuple[str, ...] = setting(
        (), "Names of API keys for whose payments the facilitator works."
    )
    deny_callers: tuple[str, ...] = setting((), "Names of API keys for whose payments it does not.")
    allow_resources: tuple[str, ...] = setting(
        (), "Beginnings of the resource URLs that may be paid for, as the payer names them."
    )
    deny_resources: tuple[str, ...] = setting(
        (), "Beginnings of the resource URLs that may not be paid for."
    )
    max_per_day: tuple[str, ...] = setting(
        (),
        "Ceilings for each payer and day (UTC): amount, space, asset.",
        check=_ceilings,
    )
    path: str = setting(
        "policy.db", "File that keeps the sums of each day, on a local disk; made when missing."
    )
