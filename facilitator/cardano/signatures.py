"""Ed25519 signatures, verified by libsodium."""

from functools import lru_cache

from nacl.bindings import crypto_sign_open
from nacl.exceptions import BadSignatureError

REMEMBERED = 4096
"""Signatures whose verdict is remembered: a payment comes to ``/verify`` and to ``/settle``."""


@lru_cache(maxsize=REMEMBERED)
def signature_holds(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Return True if ``signature`` (64 bytes) signs ``message`` under ``public_key`` (32 bytes).

    A key or signature of another length never holds.
    """
    if len(public_key) != 32 or len(signature) != 64:
        return False
    try:
        crypto_sign_open(signature + message, public_key)
    except BadSignatureError:
        return False
    return True
