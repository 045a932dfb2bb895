"""Claims as records and back: the version, a space, and the fields as JSON.

The version comes first, for scripts. Equal claims have equal records, so that scripts can
compare them.
"""

from base64 import b64decode, b64encode
from dataclasses import fields

import orjson

from facilitator.plugin import Claim, ClaimState, StorageUnavailable

_NAMES = [field.name for field in fields(Claim)]
_BYTES = ("transaction", "answer", "record", "details")


def record_of(claim: Claim) -> bytes:
    """Return the record that holds the claim."""
    values = {name: getattr(claim, name) for name in _NAMES}
    for name in _BYTES:
        values[name] = None if values[name] is None else b64encode(values[name]).decode()
    return b"%d %b" % (claim.version, orjson.dumps(values))


def nonce_in_record(nonce: str) -> bytes:
    """Return the nonce's form in a record, which is unique there: texts are escaped."""
    return b'"nonce":' + orjson.dumps(nonce)


def claim_of(record: bytes) -> Claim:
    """Return the claim in the record. Raises :class:`StorageUnavailable` if there is none."""
    try:
        values = orjson.loads(record.partition(b" ")[2])
        for name in _BYTES:
            values[name] = None if values[name] is None else b64decode(values[name])
        values["state"] = ClaimState(values["state"])
        return Claim(**values)
    except (ValueError, TypeError, KeyError) as error:
        raise StorageUnavailable(
            "the storage holds a record that cannot be read",
            "Redis holds a claim that cannot be read: a newer facilitator wrote it, or another"
            " program uses the same redis.prefix",
        ) from error
