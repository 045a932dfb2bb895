"""Digests over canonical JSON (JCS, RFC 8785), each with a domain of its own."""

from hashlib import sha256
from typing import Any

import rfc8785

LARGEST_EXACT = 2**53 - 1
"""Greatest absolute value of an integer that every double up to it holds exactly."""


def canonical_json(value: Any) -> bytes:
    """The canonical form of a decoded JSON value. Raises :class:`ValueError` when it has none."""
    return rfc8785.dumps(_with_doubles(value))


def digest(domain: str, value: Any) -> str:
    """SHA-256 (hex) over the domain, a line feed and the value's canonical form."""
    return sha256(domain.encode() + b"\n" + canonical_json(value)).hexdigest()


def _with_doubles(value: Any) -> Any:
    """The value as readers have it whose numbers are doubles: RFC 8785 knows no others (§3.2.2.3).

    How deep it is nested is limited by the reader of the request.
    """
    if isinstance(value, dict):
        return {name: _with_doubles(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_with_doubles(item) for item in value]
    if type(value) is int and abs(value) > LARGEST_EXACT:
        return float(value)
    return value
