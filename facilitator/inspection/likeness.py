"""Sentences about an input that is no payment: what it looks like, and what to do with it."""

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any

import orjson

from facilitator.cardano.output_ref import LAX

_ADDRESS = re.compile(r"(addr|stake)(_test)?1[02-9ac-hj-np-z]{20,}")
_WORDS = re.compile(r"[a-z]{3,8}( [a-z]{3,8}){11,23}")
_KEY = re.compile(r"(xprv|xpub|ed25519e?_s[gk]|addr_x?sk|stake_x?sk|root_xsk|acct_xsk)[0-9a-z_]*")
_MAP = range(0xA0, 0xC0)
_TXID_HEX = 64


def likeness_of_text(text: str) -> str | None:
    """Return what the text looks like; ``None`` if that is not known. Quotes no secret."""
    words = " ".join(text.split())
    if _WORDS.fullmatch(words) or _KEY.match(words):
        return "a seed phrase or a secret key: keep it to yourself, and move what it guards"
    if _ADDRESS.fullmatch(words):
        return "an address"
    if LAX.fullmatch(words):
        return "the reference of an output; the id before the # names its transaction"
    if words.lower().startswith(("http://", "https://")):
        return "a URL: the option --facilitator takes that of a facilitator"
    if words.startswith("<"):
        return "a page of HTML or XML"
    return None


def likeness_of_object(message: Mapping[str, Any]) -> str | None:
    """Return what the JSON object looks like; ``None`` if that is not known."""
    kind = message.get("type")
    if isinstance(kind, str) and "cborHex" in message:
        if "SigningKey" in kind:
            return "a secret key of cardano-cli: keep it to yourself, and move what it guards"
        return f"a file of cardano-cli with the type {kind!r:.60}, which is no transaction"
    if "accepts" in message:
        return "an offer (PAYMENT-REQUIRED), which holds no payment"
    if "success" in message or "errorReason" in message:
        return "a receipt (PAYMENT-RESPONSE): its transaction id can be inspected"
    if message.get("x402Version") == 1:
        return "a payment of x402 version 1, which is not served here"
    return None


def likeness_of_bytes(raw: bytes) -> str | None:
    """Return what the CBOR looks like; ``None`` if that is not known."""
    if len(raw) * 2 == _TXID_HEX:
        return "a transaction id, or another hash: give it as the argument, not as a file"
    if raw[:1] and raw[0] in _MAP:
        return (
            "a witness set as CIP-30's signTx returns it, or a body without witnesses: give both "
            'as JSON, {"transaction": …, "witnessSet": …} in hex'
        )
    return None


def object_in_base64(text: str) -> dict[str, Any] | None:
    """Return the JSON object in a header of x402; ``None`` if the text is none."""
    try:
        value = orjson.loads(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError):
        return None
    return value if isinstance(value, dict) else None
