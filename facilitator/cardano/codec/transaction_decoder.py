"""Decodes a transaction once, from the same bytes that are submitted.

It refuses what the ledger's own decoders refuse in Conway at protocol versions 9 to 11. Two
exceptions are reported by rules under their own names: an input listed twice, and a network id
other than 0 and 1. A ratio's bignum of more than 64 bytes is refused also, for its cost.
"""

from hashlib import blake2b

from facilitator.cardano.cbor import DecodeError, Reader, read_all
from facilitator.cardano.codec.auxiliary import read_auxiliary_data
from facilitator.cardano.codec.body import read_body
from facilitator.cardano.codec.outputs import read_output
from facilitator.cardano.codec.witnesses import read_witnesses
from facilitator.cardano.transaction import Output, Transaction

__all__ = ["DecodeError", "decode_output", "decode_transaction"]


def decode_transaction(raw: bytes) -> Transaction:
    """Return the transaction in ``raw``, in time and memory linear in its length.

    Raises :class:`DecodeError`, and no other error, if the ledger would not decode it.
    """
    return read_all(raw, _read_transaction, "the transaction")


def decode_output(raw: bytes) -> Output:
    """Return a single output (CDDL ``transaction_output``), as chain providers return it.

    Raises :class:`DecodeError`, and no other error, if the ledger would not decode it.
    """
    return read_all(raw, read_output, "the output")


def _read_transaction(reader: Reader) -> Transaction:
    length = reader.record(4, "the transaction")
    start = reader.pos
    decoded_body = read_body(reader)
    transaction_id = blake2b(reader.raw[start : reader.pos], digest_size=32).digest()
    decoded_witnesses = read_witnesses(reader)
    is_valid = reader.boolean("the validity flag")
    auxiliary = None if reader.take_null() else read_auxiliary_data(reader)
    size = reader.pos - start  # the validity flag's byte stands for the ledger's own head
    reader.close(length, "the transaction")
    return Transaction(
        raw=reader.raw,
        id=transaction_id,
        size=size,
        body=decoded_body,
        witnesses=decoded_witnesses,
        is_valid=is_valid,
        auxiliary_data=auxiliary.raw if auxiliary else None,
        auxiliary_plutus=auxiliary.plutus if auxiliary else (),
        longest_metadata_string=auxiliary.longest_string if auxiliary else 0,
    )
