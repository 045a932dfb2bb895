"""The escrow's datum, ``masumi.vested_pay.v2``: 19 fields of Plutus data ("Escrow datum").

The reader follows the schema item by item. It takes only this shape, in any encoding that Plutus
data allows.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple, TypeAlias

from facilitator.cardano.cbor import TAG, DecodeError, Reader, read_all
from facilitator.cardano.transaction import Credential
from facilitator_masumi.schema import Deadlines

_Fields: TypeAlias = Sequence[Callable[[Reader], Any]]

_HASH_SIZE = 28
_GENERAL_CONSTRUCTOR = 102
_BIGNUM_HEADS = (0xC2, 0xC3)
_INDEFINITE_BYTES = 0x5F


class Party(NamedTuple):
    """An address in the datum, which names no network."""

    payment: Credential
    stake: Credential | None


@dataclass(frozen=True, slots=True)
class Lock:
    """The datum of locked funds."""

    buyer: Party
    buyer_return: Party | None
    seller: Party
    seller_return: Party | None
    reference_key: bytes
    reference_signature: bytes
    seller_nonce: bytes
    buyer_nonce: bytes
    agent_identifier: bytes
    collateral: int
    """Lovelace that goes back to the buyer (``collateral_return_lovelace``)."""
    input_hash: bytes
    result_hash: bytes
    deadlines: Deadlines
    seller_cooldown: int
    buyer_cooldown: int


def read_lock(datum: bytes) -> Lock:
    """Return the datum in its CBOR, its state *funds locked*. Raises :class:`DecodeError`."""
    return read_all(datum, _lock, "the datum")


def _lock(reader: Reader) -> Lock:
    _, fields = _constructor(reader, "the datum", {0: _LOCK})
    return Lock(
        buyer=fields[0],
        buyer_return=fields[1],
        seller=fields[2],
        seller_return=fields[3],
        reference_key=fields[4],
        reference_signature=fields[5],
        seller_nonce=fields[6],
        buyer_nonce=fields[7],
        agent_identifier=fields[8],
        collateral=fields[9],
        input_hash=fields[10],
        result_hash=fields[11],
        deadlines=Deadlines(*fields[12:16]),
        seller_cooldown=fields[16],
        buyer_cooldown=fields[17],
    )


def _constructor(
    reader: Reader, what: str, alternatives: Mapping[int, _Fields]
) -> tuple[int, list[Any]]:
    """Return the index of the alternative and its fields, as their readers return them."""
    number = reader.any_tag(what)
    general = number == _GENERAL_CONSTRUCTOR
    outer = reader.record(2, what) if general else 0
    index = reader.unsigned(what) if general else _alternative(number)
    if index not in alternatives:
        raise DecodeError(f"{what} cannot be the constructor {index}")
    readers = alternatives[index]
    length = reader.record(len(readers), what)
    fields = [read(reader) for read in readers]
    reader.close(length, what)
    if general:
        reader.close(outer, what)
    return index, fields


def _alternative(tag: int) -> int:
    """Return the constructor that a tag of Plutus data stands for (CDDL ``constr``)."""
    return tag - 121 if tag < 1280 else tag - 1280 + 7


def _credential(reader: Reader) -> Credential:
    index, (digest,) = _constructor(reader, "a credential", {0: (_bytes,), 1: (_bytes,)})
    if len(digest) != _HASH_SIZE:
        raise DecodeError(f"a credential must have {_HASH_SIZE} bytes, not {len(digest)}")
    return Credential(bool(index), digest)


def _stake(reader: Reader) -> Any:
    """Return a stake credential in full; a pointer cannot be resolved here."""
    _, (credential,) = _constructor(reader, "a stake reference", {0: (_credential,)})
    return credential


def _option(read: Callable[[Reader], Any], what: str, reader: Reader) -> Any:
    _, fields = _constructor(reader, what, {0: (read,), 1: ()})
    return fields[0] if fields else None


def _party(reader: Reader) -> Party:
    fields = (_credential, partial(_option, _stake, "an optional stake reference"))
    _, (payment, stake) = _constructor(reader, "an address", {0: fields})
    return Party(payment, stake)


def _state(reader: Reader) -> None:
    _constructor(reader, "the state, which must be FundsLocked,", {0: ()})


def _bytes(reader: Reader) -> bytes:
    what = "a byte string in the datum"
    if reader.raw[reader.pos] != _INDEFINITE_BYTES:
        return reader.byte_string(what)
    reader.pos += 1
    chunks = []
    while not reader.take_break():
        chunks.append(reader.byte_string(what))
    return b"".join(chunks)


def _integer(reader: Reader) -> int:
    if reader.major() != TAG:
        return reader.integer("a number in the datum")
    head = reader.raw[reader.pos]
    if head not in _BIGNUM_HEADS:
        raise DecodeError("a number in the datum must be an integer")
    reader.pos += 1
    size = int.from_bytes(_bytes(reader), "big")
    return size if head == _BIGNUM_HEADS[0] else -1 - size


_optional_party = partial(_option, _party, "an optional address")

_LOCK: _Fields = (
    *(_party, _optional_party, _party, _optional_party),
    *(_bytes,) * 5,
    *(_integer, _bytes, _bytes),
    *(_integer,) * 6,
    _state,
)
