"""Claims as records and back: the version, a space, the nonce, a line feed, and the rest.

The version and the nonce come first, for scripts. A former version has left claims as the version,
a space, and all fields as JSON, which are read as well.
"""

from base64 import b64decode
from collections.abc import Mapping

import orjson

from facilitator.plugin import (
    Claim,
    ClaimState,
    StorageUnavailable,
    UnreadableRecord,
    claim_from_record,
    claim_to_record,
)

_NONCE = b'"nonce":'
_BYTES_IN_JSON = ("transaction", "answer", "record", "details")


def record_of(claim: Claim) -> bytes:
    """Return the record that holds the claim, but for its id."""
    return b"%d %b\n%b" % (claim.version, nonce_in_record(claim.nonce), claim_to_record(claim))


def nonce_in_record(nonce: str) -> bytes:
    """Return the nonce's form in a record, which is unique there: texts are escaped."""
    return _NONCE + orjson.dumps(nonce)


def claim_of(transaction_id: str, record: bytes) -> Claim:
    """Return the claim in the record. Raises :class:`StorageUnavailable` if there is none."""
    version, _, rest = record.partition(b" ")
    try:
        if rest.startswith(b"{"):
            return _former_claim(rest)
        nonce, _, content = rest.partition(b"\n")
        known = (int(version), orjson.loads(nonce.removeprefix(_NONCE)))
        return claim_from_record(transaction_id, *known, content)
    except (UnreadableRecord, ValueError, TypeError, KeyError) as error:
        raise _unreadable() from error


def changed_claim(entry: Mapping[bytes, bytes]) -> Claim:
    """Return the claim in an entry of the outbox; those in the former form have no ``id``.

    Raises :class:`StorageUnavailable` if there is none.
    """
    try:
        transaction_id, record = entry.get(b"id", b"").decode(), entry[b"claim"]
    except (KeyError, UnicodeDecodeError) as error:
        raise _unreadable() from error
    return claim_of(transaction_id, record)


def _unreadable() -> StorageUnavailable:
    return StorageUnavailable(
        "the storage holds a record that cannot be read",
        "Redis holds a claim that cannot be read: a newer facilitator wrote it, or another"
        " program uses the same redis.prefix",
    )


def _former_claim(content: bytes) -> Claim:
    values = orjson.loads(content)
    for name in _BYTES_IN_JSON:
        values[name] = None if values[name] is None else b64decode(values[name])
    values["state"] = ClaimState(values["state"])
    return Claim(**values)
