"""The terms that requirements of the transfer method ``script`` declare: script hash and datum.

The source is ``scheme_exact_cardano.md``; for the types of parameters and their order, its
reference implementations.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from facilitator.cardano.cbor import DecodeError, read_all
from facilitator.cardano.codec.scripts import make_script, read_plutus_data
from facilitator.cardano.phase2.data import FALSE, TRUE, Data, encode_data
from facilitator.cardano.plutus.application import apply_parameters, normalise_script
from facilitator.cardano.plutus.flat_bits import MalformedScriptError
from facilitator.cardano.transaction import Language
from facilitator.exact.payment import MAX_TRANSACTION_BYTES
from facilitator.roles.refused import Refused
from facilitator.x402.messages import parse_whole_number
from facilitator.x402.reasons import Reason

_LANGUAGES = {
    "plutusV1": Language.PLUTUS_V1,
    "plutusV2": Language.PLUTUS_V2,
    "plutusV3": Language.PLUTUS_V3,
}
_HASH = re.compile(r"[0-9a-f]{56}")
_HEX = re.compile(r"[0-9a-f]*")
_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,127}")
_ARRAY_INDEX = re.compile(r"0|[1-9][0-9]{0,9}")
_MAX_ARRAY_INDEX = 2**32 - 2


@dataclass(frozen=True, slots=True)
class ScriptTerms:
    """The checked fields of ``extra``."""

    script_hash: bytes
    datum: bytes | None
    """The CBOR of the inline datum to attach; ``None`` when none is declared."""


def read_script_terms(extra: Mapping[str, Any]) -> ScriptTerms:
    """Return what ``extra`` declares. A ``null`` field is absent. Raises :class:`Refused`.

    ``scriptHash`` counts only without ``script``, as it may name the script without its parameters.
    """
    datum = _datum(extra.get("datum"))
    script = extra.get("script")
    if script is None:
        return ScriptTerms(_hash(extra.get("scriptHash")), datum)
    if not isinstance(script, dict) or script.get("type") not in tuple(_LANGUAGES):
        raise _refused(f"extra.script must have a type, one of {', '.join(_LANGUAGES)}, and a code")
    language = _LANGUAGES[script["type"]]
    if language is Language.PLUTUS_V1 and datum is not None:
        raise _refused(
            "extra.datum cannot go with a plutusV1 script: it travels inline, and the ledger lets "
            "no Plutus V1 script spend an output with an inline datum"
        )
    parameters = _parameters(extra.get("parameters"))
    return ScriptTerms(_hash_of(language, _code(script.get("code")), parameters), datum)


def _refused(message: str) -> Refused:
    return Refused(Reason.REQUIREMENTS, message)


def _is_hex(text: str) -> bool:
    return len(text) % 2 == 0 and _HEX.fullmatch(text) is not None


def _datum(text: object) -> bytes | None:
    if text is None:
        return None
    if not isinstance(text, str) or not text or not _is_hex(text.lower()):
        raise _refused("extra.datum must be the CBOR of Plutus data in hex")
    try:
        return read_all(bytes.fromhex(text), read_plutus_data, "the datum")
    except DecodeError as error:
        raise _refused(f"extra.datum is not Plutus data: {error}") from None


def _hash(text: object) -> bytes:
    if not isinstance(text, str) or not _HASH.fullmatch(text):
        raise _refused("extra must have a script, or as scriptHash its 56 lowercase hex digits")
    return bytes.fromhex(text)


def _code(text: object) -> bytes:
    if not isinstance(text, str) or not text or not _is_hex(text):
        raise _refused("extra.script.code must be the script in lowercase hex")
    if len(text) > 2 * MAX_TRANSACTION_BYTES:
        raise _refused(
            f"extra.script.code is longer than {MAX_TRANSACTION_BYTES} bytes: no transaction could "
            "hold the script"
        )
    return bytes.fromhex(text)


@lru_cache(maxsize=64)
def _hash_of(language: Language, code: bytes, parameters: tuple[bytes, ...]) -> bytes:
    """Return the script's hash; cached, as a resource server names the same few scripts."""
    try:
        script = normalise_script(code)
    except MalformedScriptError as error:
        raise _refused(f"extra.script.code is not a Plutus script: {error}") from None
    return make_script(
        language, apply_parameters(script, parameters) if parameters else script
    ).hash


def _parameters(named: object) -> tuple[bytes, ...]:
    if named is None:
        return ()
    if not isinstance(named, dict):
        raise _refused("extra.parameters must be an object of parameters by name")
    return tuple(
        [
            encode_data(_parameter(name, named[name]))
            for name in sorted(named, key=_javascript_order)
        ]
    )


def _javascript_order(name: str) -> tuple[bool, int]:
    """Return the sort key of a parameter, as most clients and servers read it in JavaScript.

    Array indices ascend, and all other names follow as they were written.
    """
    if _ARRAY_INDEX.fullmatch(name) and int(name) <= _MAX_ARRAY_INDEX:
        return False, int(name)
    return True, 0


def _parameter(name: str, parameter: object) -> Data:
    kind, value = (
        (parameter.get("type"), parameter.get("value"))
        if isinstance(parameter, dict)
        else (None, None)
    )
    if kind == "bytes" and isinstance(value, str) and _is_hex(value):
        return bytes.fromhex(value)
    if kind == "string" and isinstance(value, str):
        return value.encode()
    if kind in ("integer", "bigint"):
        whole = parse_whole_number(value)
        if whole is not None:
            return whole
        if isinstance(value, str) and _INTEGER.fullmatch(value):
            return int(value)
    if kind == "boolean" and isinstance(value, bool):
        return TRUE if value else FALSE
    raise _refused(
        f"extra.parameters[{name!r:.60}] must have a type and a value: bytes (lowercase hex), "
        "string, integer or bigint (decimal; a string beyond 2^53 - 1, of at most 128 digits), "
        "or boolean"
    )
