"""Decodes a payment's transaction once, however often it is asked for until it is settled."""

from facilitator.cardano.codec.transaction_decoder import decode_transaction
from facilitator.cardano.memo import Memo
from facilitator.cardano.transaction import Transaction

REMEMBERED_BYTES = 24_000_000
"""Bytes of the transactions that are remembered: a payment comes to ``/verify`` and ``/settle``."""
_DECODED_FACTOR = 18
"""The most bytes that a decoded transaction takes for each of its own, which many datums need."""
_DECODED_BYTES = 2000
"""The bytes that any decoded transaction takes."""
_decoded: Memo[Transaction] = Memo(REMEMBERED_BYTES)


def decode_once(raw: bytes) -> Transaction:
    """Return what ``decode_transaction`` returns, and remember it.

    Raises :class:`~facilitator.cardano.cbor.DecodeError`.
    """
    known = _decoded.get(raw)
    if known is not None:
        return known
    size = _DECODED_BYTES + _DECODED_FACTOR * len(raw)
    return _decoded.put(raw, decode_transaction(raw), size)


def recall(raw: bytes) -> Transaction | None:
    """Return the transaction if ``decode_once`` has decoded the bytes, and still remembers it."""
    return _decoded.get(raw)
