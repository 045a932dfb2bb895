"""Auxiliary data: metadata alone, ``[metadata, scripts]``, or the tagged map (CDDL)."""

from typing import NamedTuple

from facilitator.cardano.cbor import ARRAY, MAP, DecodeError, Reader
from facilitator.cardano.codec.scripts import read_native_script, skip_metadatum
from facilitator.cardano.transaction import Language

Plutus = tuple[Language, bytes]

_TAG = 259
_METADATA, _NATIVE_SCRIPTS = 0, 1
_PLUTUS_KEYS = {2: Language.PLUTUS_V1, 3: Language.PLUTUS_V2, 4: Language.PLUTUS_V3}


class AuxiliaryData(NamedTuple):
    """The parts of auxiliary data that rules are about."""

    raw: bytes
    """Its bytes as received."""
    plutus: tuple[Plutus, ...] = ()
    longest_string: int = 0
    """Bytes of the longest string in its metadata."""


def read_auxiliary_data(reader: Reader) -> AuxiliaryData:
    """Return the auxiliary data."""
    start = reader.pos
    major = reader.major()
    plutus: list[Plutus] = []
    if major == MAP:
        longest = skip_metadata(reader)
    elif major == ARRAY:
        length = reader.record(2, "the auxiliary data")
        longest = skip_metadata(reader)
        _skip_native_scripts(reader)
        reader.close(length, "the auxiliary data")
    else:
        longest = _read_tagged_map(reader, plutus)
    return AuxiliaryData(reader.raw[start : reader.pos], tuple(plutus), longest)


def skip_metadata(reader: Reader) -> int:
    """Skip the metadata; return the bytes of its longest string."""
    labels = set()
    longest = 0
    for _ in reader.map("the metadata"):
        label = reader.unsigned("a metadata label")
        if label in labels:
            raise DecodeError(f"the metadata has the label {label} twice")
        labels.add(label)
        longest = max(longest, skip_metadatum(reader))
    return longest


def _skip_native_scripts(reader: Reader) -> None:
    for _ in reader.array("the native scripts of the auxiliary data"):
        read_native_script(reader)


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
            longest = skip_metadata(reader)
        elif key == _NATIVE_SCRIPTS:
            _skip_native_scripts(reader)
        elif key in _PLUTUS_KEYS:
            what = f"the Plutus scripts of the auxiliary data (key {key})"
            language = _PLUTUS_KEYS[key]
            plutus += [(language, reader.byte_string(what)) for _ in reader.array(what)]
        else:
            raise DecodeError(f"the auxiliary data has no key {key} in Conway")
    return longest
