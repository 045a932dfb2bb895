"""Metadata, data and native scripts as JSON."""

from collections.abc import Iterator
from typing import Any

import cbor2

AUXILIARY_TAG = 259
FIRST_CONSTRUCTORS = range(121, 128)
NEXT_CONSTRUCTORS = range(1280, 1401)
ANY_CONSTRUCTOR = 102
SCRIPTS = ("sig", "all", "any", "atLeast", "after", "before")
"""The kinds of native scripts by their number (CDDL ``native_script``)."""


def metadata_json(auxiliary: bytes | None) -> Iterator[tuple[str, Any]]:
    """Yield each label with its value: bytes as ``0x…``, keys of maps as texts."""
    if auxiliary is None:
        return
    data = cbor2.loads(auxiliary)
    if isinstance(data, cbor2.CBORTag):
        labels = data.value.get(0, {})
    else:
        labels = data[0] if isinstance(data, list) else data
    for label, value in labels.items():
        yield str(label), _metadatum(value)


def _metadatum(value: Any) -> Any:
    if isinstance(value, bytes):
        return f"0x{value.hex()}"
    if isinstance(value, dict):
        return {_key(key): _metadatum(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_metadatum(item) for item in value]
    return value


def _key(key: Any) -> str:
    return key if isinstance(key, str) else str(_metadatum(key))


def datum_json(datum: bytes) -> dict[str, Any]:
    """Return the datum by kinds: ``int``, ``bytes``, ``list``, ``map``, ``constructor``."""
    return _data(cbor2.loads(datum))


def _data(value: Any) -> dict[str, Any]:
    if isinstance(value, int):
        return {"int": value}
    if isinstance(value, bytes):
        return {"bytes": value.hex()}
    if isinstance(value, cbor2.CBORTag):
        number, fields = _constructor(value)
        return {"constructor": number, "fields": [_data(field) for field in fields]}
    if isinstance(value, dict):
        return {"map": [{"k": _data(key), "v": _data(item)} for key, item in value.items()]}
    return {"list": [_data(item) for item in value]}


def _constructor(tagged: cbor2.CBORTag) -> tuple[int, Any]:
    if tagged.tag == ANY_CONSTRUCTOR:
        return tagged.value[0], tagged.value[1]
    if tagged.tag in FIRST_CONSTRUCTORS:
        return tagged.tag - FIRST_CONSTRUCTORS[0], tagged.value
    return tagged.tag - NEXT_CONSTRUCTORS[0] + len(FIRST_CONSTRUCTORS), tagged.value


def native_script_json(script: bytes) -> dict[str, Any]:
    """Return the native script as ``cardano-cli`` writes it."""
    return _native(cbor2.loads(script))


def _native(script: Any) -> dict[str, Any]:
    kind, argument = SCRIPTS[script[0]], script[1]
    if kind == "sig":
        return {"type": kind, "keyHash": argument.hex()}
    if kind in ("after", "before"):
        return {"type": kind, "slot": argument}
    if kind == "atLeast":
        return {"type": kind, "required": argument, "scripts": _natives(script[2])}
    return {"type": kind, "scripts": _natives(argument)}


def _natives(scripts: Any) -> list[dict[str, Any]]:
    return [_native(script) for script in scripts]
