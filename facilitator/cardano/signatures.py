"""Ed25519 signatures, verified by libsodium."""

from functools import lru_cache

from nacl.bindings import crypto_sign_open
from nacl.exceptions import BadSignatureError

REMEMBERED = 4096
"""Signatures whose verdict is remembered: a payment comes to ``/verify`` and to ``/settle``."""
_LONGEST_REMEMBERED = 64
"""Bytes of the longest message that is remembered with one; a transaction's id has 32."""


def signature_holds(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Return True if ``signature`` (64 bytes) signs ``message`` under ``public_key`` (32 bytes).

    A key or signature of another length never holds.
    """
    if len(public_key) != 32 or len(signature) != 64:
        return False
    if len(message) > _LONGEST_REMEMBERED:
        return _holds(public_key, message, signature)
    return _holds_again(public_key, message, signature)


def _holds(public_key: bytes, message: bytes, signature: bytes) -> bool:
    try:
        crypto_sign_open(signature + message, public_key)
    except BadSignatureError:
        return False
    return True


_holds_again = lru_cache(maxsize=REMEMBERED)(_holds)
