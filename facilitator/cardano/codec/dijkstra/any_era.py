"""Decodes a transaction whose era is not known beforehand.

For what was judged before, or is in a block already. A verdict asks the decoder of the protocol
version in force instead: see :mod:`facilitator.exact.protocol`.
"""

from facilitator.cardano.cbor import DecodeError
from facilitator.cardano.codec.dijkstra.transaction import (
    decode_dijkstra,
    decode_dijkstra_in_block,
)
from facilitator.cardano.codec.transaction_decoder import decode_transaction
from facilitator.cardano.parameters import DIJKSTRA
from facilitator.cardano.transaction import Transaction


def decode_by_version(raw: bytes, protocol_major: int) -> Transaction:
    """Return a transaction that is handed in, by the decoder of the major protocol version.

    Raises :class:`DecodeError`, and no other error, if the ledger would not decode it then.
    """
    return decode_dijkstra(raw) if protocol_major >= DIJKSTRA else decode_transaction(raw)


def decode_any_era(raw: bytes) -> Transaction:
    """Return a transaction as it is handed in: Conway's, else Dijkstra's.

    Raises :class:`DecodeError`, and no other error, with what is wrong with it as Conway's unless
    its outermost array shows that it is none.
    """
    try:
        return decode_transaction(raw)
    except DecodeError as error:
        try:
            return decode_dijkstra(raw)
        except DecodeError as newer:
            raise (newer if raw[:1] == _ARRAY_OF_THREE else error) from None


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


_ARRAY_OF_THREE = b"\x83"
