"""Claims as rows and back; texts as short values."""

import hashlib
from typing import Any, TypeAlias

from facilitator.plugin import Claim, UnreadableRecord, claim_from_record, claim_to_record
from facilitator_sqlite.errors import DamagedRow

Row = tuple[Any, ...]
Dense: TypeAlias = bytearray | str
"""Lowercase hex as its bytes, of the class that ``sqlite3`` binds at once. For a value of any other
one, such as bytes, it looks first for an adapter."""

COLUMNS = "transaction_id, version, nonce, open_since, keep_until, record"
"""The columns of a claim."""

PLACES = ", ".join("?" for _ in COLUMNS.split(","))
"""A parameter for each of the columns."""

KEY_BYTES = 16
_ID_BYTES = 32


def hash_key(text: str) -> bytes:
    """Return the collision-resistant key of a text."""
    return hashlib.blake2b(text.encode(), digest_size=KEY_BYTES).digest()


def dense(text: str) -> Dense:
    """Return lowercase hex as bytes, which take half the space, and any other text as it is."""
    try:
        content = bytearray.fromhex(text)
    except ValueError:
        return text
    return content if content.hex() == text else text


def short_value(value: str) -> Dense:
    """Return what a key is bound to, as its column has it: two words of hex as their bytes.

    The second one, a transaction's id, comes first, as it has always the same length.
    """
    first, _, last = value.partition(" ")
    words = (dense(last), dense(first))
    if isinstance(words[0], str) or isinstance(words[1], str) or len(words[0]) != _ID_BYTES:
        return value
    return words[0] + words[1]


def full_value(value: bytes | str) -> str:
    """Return the value that was shortened."""
    if isinstance(value, str):
        return value
    return f"{value[_ID_BYTES:].hex()} {value[:_ID_BYTES].hex()}"


def encode_claim(claim: Claim) -> Row:
    """Return the values of the columns."""
    is_final = claim.state.is_final
    return (
        dense(claim.transaction_id),
        claim.version,
        dense(claim.nonce),
        None if is_final else claim.created_at,
        claim.keep_until if is_final else None,
        bytearray(claim_to_record(claim)),
    )


def decode_claim(row: Row) -> Claim:
    """Return the claim whose columns have these values. Raises :class:`DamagedRow`."""
    transaction_id, version, nonce, _, _, record = row
    try:
        return claim_from_record(_text(transaction_id), version, _text(nonce), record)
    except UnreadableRecord as error:
        raise DamagedRow from error


def id_of(row: Row) -> str:
    """Return the id of the transaction whose claim is in the row."""
    return _text(row[0])


def _text(value: bytes | str) -> str:
    return value.hex() if isinstance(value, bytes) else value
