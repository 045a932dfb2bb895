"""The text of the API keys that are made here, and their hash.

A key has 256 random bits, and its SHA-256 is kept. A slow hash, as for passwords, would add
nothing: it makes up for texts that can be guessed, and no program can try so many keys. So a key
can be looked up by an index: the time of that may hint at hashes near that of a guess, from which
no key can be computed.
"""

import hashlib
import re
import secrets

from facilitator.observability.redaction import API_KEY

_KEY = re.compile(API_KEY)


def make_key() -> str:
    """Return a new key, by whose beginning people and scanners for secrets know it."""
    return f"facilitator_{secrets.token_hex(32)}"


def is_key(text: str) -> bool:
    """Return True for a text of the form that :func:`make_key` gives."""
    return _KEY.fullmatch(text) is not None


def digest_of(key: str) -> str:
    """Return the SHA-256 of the key in lowercase hex."""
    return hashlib.sha256(key.encode()).hexdigest()
