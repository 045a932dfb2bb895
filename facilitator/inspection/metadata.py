"""Transaction metadata as JSON texts."""

import json
from typing import Any

import cbor2

_TAGGED_METADATA = 0


def metadata(auxiliary: bytes | None) -> list[dict[str, str]] | None:
    """Return each label with its value as JSON: bytes as ``0x…``, keys of maps as texts.

    ``None`` for metadata that is nested too deeply to be shown.
    """
    if auxiliary is None:
        return []
    try:
        data = cbor2.loads(auxiliary)
        if isinstance(data, cbor2.CBORTag):
            labels = data.value.get(_TAGGED_METADATA, {})
        else:
            labels = data[0] if isinstance(data, list) else data
        return [
            {"label": str(label), "value": json.dumps(_metadatum(value))}
            for label, value in labels.items()
        ]
    except (cbor2.CBORError, RecursionError):
        return None


def _metadatum(value: Any) -> Any:
    if isinstance(value, bytes):
        return f"0x{value.hex()}"
    if hasattr(value, "items"):
        return {_key(key): _metadatum(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_metadatum(item) for item in value]
    return value


def _key(key: Any) -> str:
    """Return the key as text: a list or map as its CBOR, for quotes in quotes grow without end."""
    if isinstance(key, (str, int)):
        return str(key)
    return f"0x{(key if isinstance(key, bytes) else cbor2.dumps(key)).hex()}"
