"""Decodes a transaction of Dijkstra, from the bytes as they are submitted or in a block.

What is handed in has three elements, or Conway's four: body, witnesses, flag, auxiliary data. In a
block the flag is the last of four (CIP-0167, CIP-0176; ``Tx.hs``). The element after the witnesses
shows by its type which of them it is.
"""

from collections.abc import Callable
from hashlib import blake2b

from facilitator.cardano.cbor import DecodeError, Reader, read_all
from facilitator.cardano.cbor_dijkstra import DijkstraReader
from facilitator.cardano.codec.auxiliary import AuxiliaryData
from facilitator.cardano.codec.dijkstra.auxiliary import read_auxiliary_data
from facilitator.cardano.codec.dijkstra.body import read_sub_body, read_top_body
from facilitator.cardano.codec.dijkstra.witnesses import read_witnesses
from facilitator.cardano.ended_forms import EndedForm, EndedFormError
from facilitator.cardano.transaction import Body, Transaction, Witnesses

_FLAGS = (0xF4, 0xF5)
_WHAT = "the transaction"
_SUB = "a sub-transaction"


def decode_dijkstra(raw: bytes) -> Transaction:
    """Return the transaction in ``raw``, handed in with three elements or as in Conway with four.

    Raises :class:`DecodeError`, and no other error, if the ledger would not decode it at protocol
    version 12; its kind :class:`EndedFormError` for what ended with version 11.
    """
    return read_all(raw, _read_handed_in, _WHAT, DijkstraReader)


def decode_dijkstra_in_block(raw: bytes) -> Transaction:
    """Return the transaction in ``raw`` as it is in a block, where it may have failed.

    Raises :class:`DecodeError`, and no other error.
    """
    return read_all(raw, _read_in_block, _WHAT, DijkstraReader)


def decode_sub_transaction(raw: bytes) -> Transaction:
    """Return a sub-transaction by itself, which no ledger takes. Raises :class:`DecodeError`."""
    return read_all(raw, _read_sub, _SUB, DijkstraReader)


def _read_handed_in(reader: Reader) -> Transaction:
    length, start = reader.array_length(_WHAT), reader.pos
    body, transaction_id = _read_identified(reader, _read_top)
    witnesses = read_witnesses(reader)
    has_flag = reader.raw[reader.pos] in _FLAGS
    reader.expect(length, 4 if has_flag else 3, _WHAT)
    if has_flag and not reader.boolean("the validity flag"):
        raise EndedFormError(
            EndedForm.FALSE_VALIDITY_FLAG,
            "a transaction that is handed in must not say that its scripts fail",
        )
    auxiliary = _read_auxiliary(reader)
    size = reader.pos - start + (0 if has_flag else 1)  # the flag's byte stands for the head
    reader.close(length, _WHAT)
    return _build(reader.raw, transaction_id, size, body, witnesses, auxiliary)


def _read_in_block(reader: Reader) -> Transaction:
    length, start = reader.array_length(_WHAT), reader.pos
    body, transaction_id = _read_identified(reader, _read_top)
    witnesses = read_witnesses(reader)
    if reader.raw[reader.pos] in _FLAGS:
        raise DecodeError("the validity flag of a transaction in a block must come last")
    auxiliary = _read_auxiliary(reader)
    size = reader.pos - start + 1
    has_flag = length == 4 or (length is None and reader.raw[reader.pos] in _FLAGS)
    reader.expect(length, 4 if has_flag else 3, _WHAT)
    is_valid = reader.boolean("the validity flag") if has_flag else True
    reader.close(length, _WHAT)
    return _build(reader.raw, transaction_id, size, body, witnesses, auxiliary, is_valid=is_valid)


def _read_sub(reader: Reader) -> Transaction:
    start = reader.pos
    length = reader.record(3, _SUB)
    content = reader.pos
    body, transaction_id = _read_identified(reader, read_sub_body)
    witnesses = read_witnesses(reader)
    auxiliary = _read_auxiliary(reader)
    size = reader.pos - content + 1
    reader.close(length, _SUB)
    raw = reader.raw[start : reader.pos]
    return _build(raw, transaction_id, size, body, witnesses, auxiliary)


def _read_top(reader: Reader) -> Body:
    return read_top_body(reader, _read_subs)


def _read_subs(reader: Reader) -> tuple[Transaction, ...]:
    """Return the sub-transactions: at least one, each body once (``decodeSubTransactions``)."""
    what = "sub-transactions (body key 23)"
    found = tuple([_read_sub(reader) for _ in reader.set(what)])
    if not found:
        raise DecodeError(f"{what} must not be empty")
    if len({sub.id for sub in found}) != len(found):
        raise DecodeError(f"{what} must not have a body twice")
    return found


def _read_identified(reader: Reader, read: Callable[[Reader], Body]) -> tuple[Body, bytes]:
    """Return a body and its id: the Blake2b-256 of its bytes as received."""
    start = reader.pos
    body = read(reader)
    return body, blake2b(reader.raw[start : reader.pos], digest_size=32).digest()


def _read_auxiliary(reader: Reader) -> AuxiliaryData | None:
    return None if reader.take_null() else read_auxiliary_data(reader)


def _build(
    raw: bytes,
    transaction_id: bytes,
    size: int,
    body: Body,
    witnesses: Witnesses,
    auxiliary: AuxiliaryData | None,
    *,
    is_valid: bool = True,
) -> Transaction:
    return Transaction(
        raw=raw,
        id=transaction_id,
        size=size,
        body=body,
        witnesses=witnesses,
        is_valid=is_valid,
        auxiliary_data=auxiliary.raw if auxiliary else None,
        auxiliary_plutus=auxiliary.plutus if auxiliary else (),
        longest_metadata_string=auxiliary.longest_string if auxiliary else 0,
    )
