"""Digests over canonical JSON (JCS, RFC 8785), each with a domain of its own."""

from hashlib import sha256
from typing import Any

import rfc8785

LARGEST_EXACT = 2**53 - 1
"""The greatest integer up to which doubles hold every integer exactly, by absolute value."""


def canonical_json(value: Any) -> bytes:
    """Return the canonical form of a decoded JSON value.

    Raises :class:`ValueError` when it has none.
    """
    return rfc8785.dumps(_with_doubles(value))


def digest(domain: str, value: Any) -> str:
    """Return the SHA-256 (hex) over the domain, a line feed and the value's canonical form."""
    return sha256(domain.encode() + b"\n" + canonical_json(value)).hexdigest()


def _with_doubles(value: Any) -> Any:
    """Return the value with its large integers as doubles, as RFC 8785 reads them (§3.2.2.3).

    The reader of the request limits the nesting.
    """
    if isinstance(value, dict):
        return {name: _with_doubles(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_with_doubles(item) for item in value]
    if type(value) is int and abs(value) > LARGEST_EXACT:
        return float(value)
    return value
