"""Outputs that are not on the chain yet, as wallets give them to an evaluation."""

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

from facilitator.cardano.addresses.address import parse_address
from facilitator.cardano.transaction import AssetId, Language, Output, OutputRef, Script, Value

_LANGUAGES = {
    "plutus:v1": Language.PLUTUS_V1,
    "plutus:v2": Language.PLUTUS_V2,
    "plutus:v3": Language.PLUTUS_V3,
}


def read_rows(rows: Any) -> Mapping[OutputRef, Output]:
    """Return the outputs of Ogmios 6's ``additionalUtxo``.

    Raises :class:`ValueError`, :class:`LookupError`, :class:`TypeError` or
    :class:`AttributeError`.
    """
    return dict(map(_read_row, rows or ()))


def read_pairs(pairs: Any) -> Mapping[OutputRef, Output]:
    """Return the outputs of Blockfrost's ``additionalUtxoSet``, which are pairs as in Ogmios 5.

    Raises the same as :func:`read_rows`.
    """
    return dict(map(_read_pair, pairs or ()))


def _read_row(row: Any) -> tuple[OutputRef, Output]:
    ref = OutputRef(bytes.fromhex(row["transaction"]["id"]), int(row["index"]))
    assets = {
        bytes.fromhex(policy + name): int(quantity)
        for policy, names in row["value"].items()
        if policy != "ada"
        for name, quantity in names.items()
    }
    script = row.get("script")
    code = None if script is None else (script["language"], script["cbor"])
    return ref, _output(row, int(row["value"]["ada"]["lovelace"]), assets, code)


def _read_pair(pair: Any) -> tuple[OutputRef, Output]:
    place, row = pair
    ref = OutputRef(bytes.fromhex(place["txId"]), int(place["index"]))
    value = row["value"]
    assets = {
        bytes.fromhex(unit.replace(".", "")): int(quantity)
        for unit, quantity in (value.get("assets") or {}).items()
    }
    code = next(iter((row.get("script") or {}).items()), None)
    return ref, _output(row, int(value["coins"]), assets, code)


def _output(
    row: Any, lovelace: int, assets: Mapping[AssetId, int], code: tuple[str, str] | None
) -> Output:
    datum_hash = row.get("datumHash") or row.get("datum_hash")
    datum = None if datum_hash else row.get("datum")
    return Output(
        parse_address(row["address"]),
        Value(lovelace, assets),
        size=0,
        datum_hash=bytes.fromhex(datum_hash) if datum_hash else None,
        datum=bytes.fromhex(datum) if datum else None,
        script=None if code is None else _script(*code),
    )


def _script(language: str, code: str) -> Script:
    body = bytes.fromhex(code)
    number = _LANGUAGES[language]
    return Script(number, body, blake2b(bytes([number]) + body, digest_size=28).digest())
