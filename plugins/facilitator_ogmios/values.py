"""Outputs from their JSON."""

from facilitator.cardano.addresses.address import check_output_address, parse_address
from facilitator.cardano.cbor import DecodeError, read_all
from facilitator.cardano.codec.scripts import make_script, read_native_script, read_plutus_data
from facilitator.cardano.ogmios.fields import (
    Malformed,
    Row,
    from_hex,
    inner,
    raw_bytes,
    table,
    text,
    whole,
)
from facilitator.cardano.transaction import AssetId, Language, Output, Script, Value
from facilitator.plugin import OutputStatus, Unknown, Unspent

_LANGUAGES = {
    "native": Language.NATIVE,
    "plutus:v1": Language.PLUTUS_V1,
    "plutus:v2": Language.PLUTUS_V2,
    "plutus:v3": Language.PLUTUS_V3,
}
_ADA = "ada"
_POLICY_SIZE, _LONGEST_NAME = 28, 32
_NO_BYTES = Unknown("the node does not show the bytes of its script (--include-script-cbor does)")
_NEW_LANGUAGE = Unknown("its script is in a language that is not known here")


def read_status(row: Row) -> OutputStatus:
    """Return the status of an output in the UTxO set. Raises :class:`Malformed`."""
    script = None
    if row.get("script") is not None:
        shown = inner(row, "script")
        if text(shown, "language") not in _LANGUAGES:
            return _NEW_LANGUAGE
        if shown.get("cbor") is None:
            return _NO_BYTES
        script = _script(shown)
    datum = None if row.get("datum") is None else _datum(row)
    datum_hash = None if row.get("datumHash") is None else raw_bytes(row, "datumHash", 32)
    value = Value(whole(inner(inner(row, "value"), _ADA), "lovelace"), _assets(inner(row, "value")))
    return Unspent(
        Output(
            _address(row),
            value,
            0,
            None if datum is not None else datum_hash,
            datum,
            script,
            0 if script is None else len(script.body),
        )
    )


def _address(row: Row) -> bytes:
    try:
        address = parse_address(text(row, "address"))
        check_output_address(address)
    except ValueError as error:
        raise Malformed(f"an address is none: {error}") from None
    return address


def _assets(value: Row) -> dict[AssetId, int]:
    assets: dict[AssetId, int] = {}
    for policy, quantities in value.items():
        if policy == _ADA:
            continue
        policy_id = from_hex(policy, "a policy", _POLICY_SIZE)
        for name in table(quantities, "assets"):
            asset, quantity = policy_id + from_hex(name, "an asset's name"), whole(quantities, name)
            if len(asset) > _POLICY_SIZE + _LONGEST_NAME or asset in assets or not quantity:
                raise Malformed("value has an asset that cannot be")
            assets[asset] = quantity
    return assets


def _datum(row: Row) -> bytes:
    try:
        return read_all(raw_bytes(row, "datum"), read_plutus_data, "an inline datum")
    except DecodeError as error:
        raise Malformed(str(error)) from None


def _script(shown: Row) -> Script:
    language, body = _LANGUAGES[text(shown, "language")], raw_bytes(shown, "cbor")
    if language is Language.NATIVE:
        try:
            body = read_all(body, read_native_script, "a native script")
        except DecodeError as error:
            raise Malformed(str(error)) from None
    return make_script(language, body)
