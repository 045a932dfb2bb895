"""Scripts and data: ``/scripts/…``."""

import re
from typing import Any

from facilitator.cardano.transaction import Language, Script
from facilitator_devnet.blockfrost.data import datum_json, native_script_json
from facilitator_devnet.blockfrost.errors import not_found
from facilitator_devnet.blockfrost.request import Request
from facilitator_devnet.blockfrost.view import View

TYPES = {
    Language.NATIVE: "timelock",
    Language.PLUTUS_V1: "plutusV1",
    Language.PLUTUS_V2: "plutusV2",
    Language.PLUTUS_V3: "plutusV3",
}


def script(view: View, request: Request) -> dict[str, Any]:
    """Answer ``/scripts/{script_hash}``."""
    found = _script(view, request)
    size = None if found.language is Language.NATIVE else len(found.body)
    return {
        "script_hash": found.hash.hex(),
        "type": TYPES[found.language],
        "serialised_size": size,
    }


def script_cbor(view: View, request: Request) -> dict[str, Any]:
    """Answer ``/scripts/{script_hash}/cbor``."""
    found = _script(view, request)
    return {"cbor": None if found.language is Language.NATIVE else found.body.hex()}


def script_json(view: View, request: Request) -> dict[str, Any]:
    """Answer ``/scripts/{script_hash}/json``."""
    found = _script(view, request)
    return {"json": native_script_json(found.body) if found.language is Language.NATIVE else None}


def datum(view: View, request: Request) -> dict[str, Any]:
    """Answer ``/scripts/datum/{datum_hash}``."""
    return {"json_value": datum_json(_datum(view, request))}


def datum_cbor(view: View, request: Request) -> dict[str, Any]:
    """Answer ``/scripts/datum/{datum_hash}/cbor``."""
    return {"cbor": _datum(view, request).hex()}


def _script(view: View, request: Request) -> Script:
    height, found = view.chain.index.scripts.get(_hash(request, "script_hash"), (0, None))
    if found is None or height > view.height:
        raise not_found()
    return found


def _datum(view: View, request: Request) -> bytes:
    height, found = view.chain.index.datums.get(_hash(request, "datum_hash"), (0, None))
    if found is None or height > view.height:
        raise not_found()
    return found


def _hash(request: Request, name: str) -> bytes:
    text = request.params[name]
    return bytes.fromhex(text) if re.fullmatch(r"([0-9a-f]{2})+", text) else b""
