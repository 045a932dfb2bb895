"""A transaction and the witness set that a wallet made for it (CIP-30 ``signTx``)."""

from facilitator.cardano.cbor import MAP, DecodeError, Reader, read_all
from facilitator.cardano.codec.auxiliary import read_auxiliary_data
from facilitator.cardano.codec.body import read_body
from facilitator.cardano.codec.witnesses import read_witnesses
from facilitator.inspection.unreadable import Unreadable

_EMPTY_MAP = b"\xa0"
_HEAD, _VALID_WITHOUT_METADATA = b"\x84", b"\xf5\xf6"


def add_witnesses(transaction: bytes, witness_set: bytes) -> bytes:
    """Return the transaction with the witness set; ``transaction`` may be its body alone.

    Raises :class:`Unreadable`, also if the transaction has witnesses already, such as scripts: then
    the wallet's are to be added by the program that made it.
    """
    try:
        read_all(witness_set, read_witnesses, "the witness set")
        if transaction and transaction[0] >> 5 == MAP:
            read_all(transaction, read_body, "the body")
            return _HEAD + transaction + witness_set + _VALID_WITHOUT_METADATA
        start, end = read_all(transaction, _place_of_witnesses, "the transaction")
    except DecodeError as error:
        raise Unreadable(f"the transaction and its witnessSet cannot be read: {error}") from None
    if transaction[start:end] != _EMPTY_MAP:
        raise Unreadable(
            "the transaction has witnesses already: merge the witnessSet into them first"
        )
    return transaction[:start] + witness_set + transaction[end:]


def _place_of_witnesses(reader: Reader) -> tuple[int, int]:
    """Read a transaction; return where its witness set begins and ends."""
    length = reader.record(4, "the transaction")
    read_body(reader)
    start = reader.pos
    read_witnesses(reader)
    end = reader.pos
    reader.boolean("the validity flag")
    if not reader.take_null():
        read_auxiliary_data(reader)
    reader.close(length, "the transaction")
    return start, end
