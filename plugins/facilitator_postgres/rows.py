"""Claims as rows and back, and texts as columns hold them."""

import hashlib
import re
from typing import Any

from facilitator.plugin import (
    Claim,
    StorageUnavailable,
    UnreadableRecord,
    claim_from_record,
    claim_to_record,
)

Row = tuple[Any, ...]

COLUMNS = "transaction_id, version, nonce, open_since, keep_until, record"
"""The columns of a claim."""

PLACES = ", ".join("%s" for _ in COLUMNS.split(","))
"""A parameter for each of the columns."""


def escape(text: str) -> str:
    r"""Return the text without NUL, which no column holds: as ``\0``, and ``\`` as ``\\``."""
    return text.replace("\\", "\\\\").replace("\0", "\\0")


def unescape(text: str) -> str:
    """Return the text that was escaped."""
    if "\\" not in text:
        return text
    return re.sub(r"\\(.)", lambda found: "\0" if found[1] == "0" else found[1], text)


def hash_key(text: str) -> bytes:
    """Return the collision-resistant key of a text, which may be longer than an index takes."""
    return hashlib.blake2b(text.encode(), digest_size=16).digest()


def encode_claim(claim: Claim) -> Row:
    """Return the values of the columns."""
    is_final = claim.state.is_final
    return (
        escape(claim.transaction_id),
        claim.version,
        escape(claim.nonce),
        None if is_final else claim.created_at,
        claim.keep_until if is_final else None,
        claim_to_record(claim),
    )


def decode_claim(row: Row) -> Claim:
    """Return the claim whose columns have these values. Raises :class:`StorageUnavailable`."""
    transaction_id, version, nonce, _, _, record = row
    try:
        return claim_from_record(unescape(transaction_id), version, unescape(nonce), record)
    except UnreadableRecord as error:
        raise StorageUnavailable(
            "the storage holds a record that cannot be read",
            "PostgreSQL holds a claim that cannot be read: a newer facilitator wrote it, or another"
            " program has changed it",
        ) from error
