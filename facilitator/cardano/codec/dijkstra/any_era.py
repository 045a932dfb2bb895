"""Decodes a transaction whose era is not known beforehand.

For what was judged before, or is in a block already. A verdict asks the decoder of the protocol
version in force instead: see :mod:`facilitator.cardano.rules.era`.
"""

from facilitator.cardano.cbor import DecodeError
from facilitator.cardano.codec.decode_once import recall
from facilitator.cardano.codec.dijkstra.transaction import (
    decode_dijkstra,
    decode_dijkstra_in_block,
    decode_sub_transaction,
)
from facilitator.cardano.codec.transaction_decoder import decode_transaction
from facilitator.cardano.parameters import DIJKSTRA
from facilitator.cardano.transaction import Transaction

_ARRAY_OF_THREE = b"\x83"


def decode_by_version(raw: bytes, protocol_major: int) -> Transaction:
    """Return a transaction that is handed in, by the decoder of the major protocol version.

    Raises :class:`DecodeError`, and no other error, if the ledger would not decode it then.
    """
    return decode_dijkstra(raw) if protocol_major >= DIJKSTRA else decode_transaction(raw)


def decode_any_era(raw: bytes) -> Transaction:
    """Return a transaction as it is handed in: Conway's, else Dijkstra's, else a sub-transaction.

    Raises :class:`DecodeError`, and no other error, with what is wrong with it as Conway's unless
    its outermost array shows that it is none. What a verdict has just read is not decoded again.
    """
    if (known := recall(raw)) is not None:
        return known
    errors: list[DecodeError] = []
    for decode in (decode_transaction, decode_dijkstra, decode_sub_transaction):
        try:
            return decode(raw)
        except DecodeError as error:
            errors.append(error)
    raise errors[1 if raw[:1] == _ARRAY_OF_THREE else 0]


def decode_from_chain(raw: bytes) -> Transaction:
    """Return a transaction that is in a block, as it is there or as it was handed in.

    Raises :class:`DecodeError`, and no other error.
    """
    try:
        return decode_any_era(raw)
    except DecodeError as error:
        try:
            return decode_dijkstra_in_block(raw)
        except DecodeError:
            raise error from None
