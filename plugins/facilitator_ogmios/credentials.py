"""Credentials from their JSON."""

from facilitator.cardano.ogmios.fields import Malformed, Row, raw_bytes, text
from facilitator.cardano.transaction import Credential

HASH_SIZE = 28
"""Bytes of the hash of a key or a script."""

_KEY, _SCRIPT = "verificationKey", "script"


def read_credential(row: Row, name: str) -> Credential:
    """Return the credential with the hash in the field, of the origin in ``from``."""
    origin = text(row, "from")
    if origin not in (_KEY, _SCRIPT):
        raise Malformed("a credential has an unknown origin")
    return Credential(origin == _SCRIPT, raw_bytes(row, name, HASH_SIZE))
