"""Auxiliary data: the three forms of Conway, and Plutus V4 under key 5."""

from facilitator.cardano.cbor import ARRAY, MAP, DecodeError, Reader
from facilitator.cardano.cbor_dijkstra import read_unchanged
from facilitator.cardano.codec.auxiliary import AuxiliaryData, Plutus, skip_metadata
from facilitator.cardano.codec.dijkstra.scripts import read_native_scripts
from facilitator.cardano.transaction import Language

_TAG = 259
_METADATA, _NATIVE_SCRIPTS = 0, 1
_PLUTUS_KEYS = {
    2: Language.PLUTUS_V1,
    3: Language.PLUTUS_V2,
    4: Language.PLUTUS_V3,
    5: Language.PLUTUS_V4,
}
_NATIVES = "the native scripts of the auxiliary data"


def read_auxiliary_data(reader: Reader) -> AuxiliaryData:
    """Return the auxiliary data."""
    start = reader.pos
    major = reader.major()
    plutus: list[Plutus] = []
    if major == MAP:
        longest = read_unchanged(reader, skip_metadata)
    elif major == ARRAY:
        length = reader.record(2, "the auxiliary data")
        longest = read_unchanged(reader, skip_metadata)
        read_native_scripts(reader, _NATIVES)
        reader.close(length, "the auxiliary data")
    else:
        longest = _read_tagged_map(reader, plutus)
    return AuxiliaryData(reader.raw[start : reader.pos], tuple(plutus), longest)


def _read_tagged_map(reader: Reader, plutus: list[Plutus]) -> int:
    """Read the scripts; return the bytes of the longest string in the metadata."""
    longest = 0
    reader.tag(_TAG, "the auxiliary data")
    keys = set()
    for _ in reader.map("the auxiliary data"):
        key = reader.unsigned("a key of the auxiliary data")
        if key in keys:
            raise DecodeError(f"the auxiliary data has the key {key} twice")
        keys.add(key)
        if key == _METADATA:
            longest = read_unchanged(reader, skip_metadata)
        elif key == _NATIVE_SCRIPTS:
            read_native_scripts(reader, _NATIVES)
        elif key in _PLUTUS_KEYS:
            what = f"the Plutus scripts of the auxiliary data (key {key})"
            language = _PLUTUS_KEYS[key]
            plutus += [(language, reader.byte_string(what)) for _ in reader.array(what)]
        else:
            raise DecodeError(f"the auxiliary data has no key {key} in Dijkstra")
    return longest
