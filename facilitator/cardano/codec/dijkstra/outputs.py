"""Transaction outputs: as in Conway, but a map of assets must not be empty."""

from facilitator.cardano.addresses.address import check_output_address
from facilitator.cardano.cbor import ARRAY, DecodeError, Reader, read_all
from facilitator.cardano.codec.dijkstra.scripts import read_reference_script
from facilitator.cardano.codec.outputs import read_multiasset
from facilitator.cardano.codec.scripts import read_plutus_data
from facilitator.cardano.ended_forms import EndedForm, EndedFormError
from facilitator.cardano.transaction import Output, Script, Value

_ADDRESS, _VALUE, _DATUM, _SCRIPT = range(4)
_DATUM_HASH, _INLINE_DATUM = 0, 1


def read_output(reader: Reader) -> Output:
    """Return an output in its map form or in the older array form."""
    start = reader.pos
    read = _read_map if reader.opens_map() else _read_array
    address, value, value_size, (datum_hash, datum), script = read(reader)
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


_Datum = tuple[bytes | None, bytes | None]
_Parts = tuple[bytes, Value, int, _Datum, Script | None]


def _read_map(reader: Reader) -> _Parts:
    address: bytes | None = None
    sized: tuple[Value, int] | None = None
    datum: _Datum = (None, None)
    script: Script | None = None
    keys: set[int] = set()
    for _ in reader.map("an output"):
        key = reader.unsigned("a key of an output")
        if key in keys:
            raise DecodeError(f"an output has the key {key} twice")
        keys.add(key)
        if key == _ADDRESS:
            address = _read_address(reader)
        elif key == _VALUE:
            sized = _read_sized_value(reader)
        elif key == _DATUM:
            datum = _read_datum(reader)
        elif key == _SCRIPT:
            script = read_reference_script(reader.nested("the script reference of an output"))
        else:
            raise DecodeError(f"an output has no key {key}")
    if address is None or sized is None:
        raise DecodeError("an output must have an address (key 0) and a value (key 1)")
    return address, *sized, datum, script


def _read_array(reader: Reader) -> _Parts:
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
    return address, value, value_size, (datum_hash, None), None


def _read_address(reader: Reader) -> bytes:
    address = reader.byte_string("the address of an output")
    check_output_address(address)
    return address


def _read_sized_value(reader: Reader) -> tuple[Value, int]:
    """Return a value (CDDL ``value``) and its size in bytes."""
    start = reader.pos
    if reader.major() != ARRAY:
        return Value(reader.unsigned("the value of an output"), {}), reader.pos - start
    length = reader.record(2, "the value of an output")
    lovelace = reader.unsigned("the lovelace of an output")
    assets = read_multiasset(reader, minting=False)
    reader.close(length, "the value of an output")
    if not assets:
        raise EndedFormError(
            EndedForm.EMPTY_MULTI_ASSET,
            "a value without assets must be the lovelace alone, without an empty map",
        )
    return Value(lovelace, assets), reader.pos - start


def _read_datum(reader: Reader) -> _Datum:
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
