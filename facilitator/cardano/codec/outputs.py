"""Transaction outputs and the values in them, as the ledger decodes them at protocol ≥ 9."""

from facilitator.cardano.addresses.address import check_output_address
from facilitator.cardano.cbor import ARRAY, DecodeError, Reader, read_all
from facilitator.cardano.codec.scripts import read_plutus_data, read_reference_script
from facilitator.cardano.transaction import Assets, Output, Value

POLICY_SIZE = 28
LONGEST_ASSET_NAME = 32

_ADDRESS, _VALUE, _DATUM, _SCRIPT = range(4)
_DATUM_HASH, _INLINE_DATUM = 0, 1


def read_output(reader: Reader) -> Output:
    """Return an output in its map form or in the older array form."""
    if reader.opens_map():
        return _read_map_output(reader)
    return _read_array_output(reader)


def _read_map_output(reader: Reader) -> Output:
    start = reader.pos
    address = value = datum_hash = datum = script = None
    value_size = 0
    keys = 0
    for _ in reader.map("an output"):
        key = reader.unsigned("a key of an output")
        if key > _SCRIPT:
            raise DecodeError(f"an output has no key {key}")
        if keys >> key & 1:
            raise DecodeError(f"an output has the key {key} twice")
        keys |= 1 << key
        if key == _ADDRESS:
            address = _read_address(reader)
        elif key == _VALUE:
            value, value_size = _read_sized_value(reader)
        elif key == _DATUM:
            datum_hash, datum = _read_datum(reader)
        else:
            script = read_reference_script(reader.nested("the script reference of an output"))
    if address is None or value is None:
        raise DecodeError("an output must have an address (key 0) and a value (key 1)")
    return Output(
        address,
        value,
        reader.pos - start,
        datum_hash,
        datum,
        script,
        0 if script is None else len(script.body),
        value_size,
    )


def _read_array_output(reader: Reader) -> Output:
    start = reader.pos
    length = reader.array_length("an output")
    if length not in (None, 2, 3):
        raise DecodeError(f"an output must have 2 or 3 elements, not {length}")
    address = _read_address(reader)
    value, value_size = _read_sized_value(reader)
    datum_hash = None
    ends = reader.take_break() if length is None else length == 2
    if not ends:
        datum_hash = reader.fixed(32, "the datum hash of an output")
        reader.close(length, "an output")
    return Output(address, value, reader.pos - start, datum_hash, value_size=value_size)


def _read_address(reader: Reader) -> bytes:
    address = reader.byte_string("the address of an output")
    check_output_address(address)
    return address


def _read_sized_value(reader: Reader) -> tuple[Value, int]:
    """Return a value (CDDL ``value``) and its size in bytes."""
    start = reader.pos
    if reader.major() == ARRAY:
        length = reader.record(2, "the value of an output")
        lovelace = reader.unsigned("the lovelace of an output")
        assets: Assets = read_multiasset(reader, minting=False)
        reader.close(length, "the value of an output")
    else:
        lovelace, assets = reader.unsigned("the value of an output"), {}
    return Value(lovelace, assets), reader.pos - start


def read_multiasset(reader: Reader, *, minting: bool) -> Assets:
    """Return quantities by asset (``decodeMultiAsset``): positive in an output, not 0 in a mint."""
    assets: dict[bytes, int] = {}
    policies: set[bytes] = set()
    for _ in reader.map("a multi-asset value"):
        policy = reader.fixed(POLICY_SIZE, "a policy id")
        if policy in policies:
            raise DecodeError(f"a multi-asset value has the policy {policy.hex()} twice")
        policies.add(policy)
        _read_assets_of(policy, reader, assets, minting=minting)
    # The ledger's compact form cannot address more (isMultiAssetSmallEnough).
    if 44 * len(assets) + POLICY_SIZE * len(policies) > 65535:
        raise DecodeError(f"a multi-asset value has too many assets: {len(assets)}")
    return assets


def _read_assets_of(
    policy: bytes, reader: Reader, assets: dict[bytes, int], *, minting: bool
) -> None:
    before = len(assets)
    for _ in reader.map("the assets of a policy"):
        asset = policy + reader.byte_string("an asset name", LONGEST_ASSET_NAME)
        if asset in assets:
            raise DecodeError(f"a multi-asset value has the asset {asset.hex()} twice")
        if minting:
            quantity = reader.int64("a minted quantity")
        else:
            quantity = reader.unsigned("the quantity of an asset")
        if quantity == 0:
            raise DecodeError(f"the quantity of the asset {asset.hex()} must not be 0")
        assets[asset] = quantity
    if len(assets) == before:
        raise DecodeError(f"the policy {policy.hex()} must have at least one asset")


def _read_datum(reader: Reader) -> tuple[bytes | None, bytes | None]:
    """Return a datum option (CDDL ``datum_option``): a hash, or the CBOR of an inline datum."""
    length = reader.record(2, "the datum of an output")
    kind = reader.unsigned("the kind of an output's datum", _INLINE_DATUM)
    datum_hash = inline = None
    if kind == _DATUM_HASH:
        datum_hash = reader.fixed(32, "the datum hash of an output")
    else:
        nested = reader.nested("the inline datum of an output")
        inline = read_all(nested, read_plutus_data, "the inline datum of an output")
    reader.close(length, "the datum of an output")
    return datum_hash, inline
