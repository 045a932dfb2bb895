"""The datum of a channel output: a list of the validator's own hash, constants and the stage.

Datums are compared as values: an encoder may write definite lists or chunked bytes. A datum that
the validator cannot read locks the money for good, and an opening runs no script. So the lengths
and the number of items are checked here.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, TypeAlias

from facilitator.cardano.cbor import DecodeError
from facilitator.cardano.phase2.data import NOTHING, Constr, Data, decode_data, encode_data
from facilitator.cardano.transaction import AssetId

_HASH, _KEY, _LONGEST_NAME = 28, 32, 32
_ADA, _ASSET = 0, 1
_OPENED, _CLOSED, _SETTLED = 0, 1, 2
_LONGEST_REMEMBERED = 512
"""Bytes of the longest datum whose value is remembered."""
_REMEMBERED = 4096


@dataclass(frozen=True, slots=True)
class Opened:
    """The channel takes IOUs."""

    subbed: int
    """Atomic units that the provider has redeemed so far."""


@dataclass(frozen=True, slots=True)
class Closed:
    """The consumer has closed the channel; the provider may still settle its last IOU."""

    subbed: int
    elapse_at: int
    """Unix time in ms from which the consumer may take all that is left."""


@dataclass(frozen=True, slots=True)
class Settled:
    """The provider has settled; the consumer may take all that is left."""


Stage: TypeAlias = Opened | Closed | Settled


class Sponsor(NamedTuple):
    """The one who has paid for the channel's reserve, in the validator that knows such."""

    address: bytes
    """The address that the reserve goes back to, as the CBOR of Plutus data."""
    floor: int
    """Lovelace that the channel keeps, and that goes back."""


class Constants(NamedTuple):
    """The part of the datum that stays while the channel lives."""

    tag: bytes
    """The channel's id, 32 bytes."""
    currency: AssetId | None
    """The asset that it pays in; ``None`` is lovelace."""
    iou_key: bytes
    """The Ed25519 public key that signs IOUs."""
    consumer: bytes
    """The key hash of the client."""
    provider: bytes
    """The key hash of the resource server."""
    close_period: int
    """The least time in ms between closing and ``elapse_at``."""
    sponsor: Sponsor | None = None
    """Only with :data:`SPONSORED`."""


class Datum(NamedTuple):
    """The datum as a value."""

    own_hash: bytes
    """The script hash of the validator at whose address the output is."""
    constants: Constants
    stage: Stage


class DatumCodec(NamedTuple):
    """The datum's form by one validator."""

    has_sponsor: bool
    """True if the constants have a seventh item, the sponsor or nothing."""

    def decode(self, raw: bytes) -> Datum:
        """Return the value of an output's inline datum. Raises :class:`DecodeError`."""
        decode = _decode if len(raw) > _LONGEST_REMEMBERED else _decode_again
        return decode(raw, self.has_sponsor)

    def encode(self, datum: Datum) -> bytes:
        """Return the CBOR of the datum, as ``serialiseData`` writes it."""
        own_hash, constants, stage = datum
        return encode_data((own_hash, _list_constants(constants, self.has_sponsor), _data(stage)))


SUBBIT = DatumCodec(has_sponsor=False)
"""The form of the draft: six constants."""
SPONSORED = DatumCodec(has_sponsor=True)
"""The form with a seventh constant."""


def _decode(raw: bytes, has_sponsor: bool) -> Datum:
    try:
        data = decode_data(raw)
    except RecursionError:
        raise DecodeError("the datum is nested too deeply") from None
    own_hash, constants, stage = read_list(data, 3, "the datum")
    return Datum(
        _read_bytes(own_hash, _HASH, "the validator's own hash"),
        _read_constants(constants, has_sponsor),
        _read_stage(stage),
    )


_decode_again = lru_cache(_REMEMBERED)(_decode)


def _read_constants(data: Data, has_sponsor: bool) -> Constants:
    items = read_list(data, 7 if has_sponsor else 6, "the list of constants")
    return Constants(
        _read_bytes(items[0], _KEY, "the tag"),
        _read_currency(items[1]),
        _read_bytes(items[2], _KEY, "the IOU key"),
        _read_bytes(items[3], _HASH, "the consumer"),
        _read_bytes(items[4], _HASH, "the provider"),
        read_whole(items[5], "the close period"),
        _read_sponsor(items[6]) if has_sponsor else None,
    )


def _read_currency(data: Data) -> AssetId | None:
    match read_constructor(data, {_ADA: 0, _ASSET: 2}, "the currency"):
        case _, ():
            return None
        case _, (policy, bytes(name)) if len(name) <= _LONGEST_NAME:
            return _read_bytes(policy, _HASH, "the policy") + name
    raise DecodeError(f"the asset name must be a byte string of at most {_LONGEST_NAME} bytes")


def _read_sponsor(data: Data) -> Sponsor | None:
    _, fields = read_constructor(data, {0: 1, 1: 0}, "the sponsor")
    if not fields:
        return None
    address, floor = read_list(fields[0], 2, "the sponsor")
    return Sponsor(encode_data(address), read_whole(floor, "the sponsor's floor"))


def _read_stage(data: Data) -> Stage:
    arities = {_OPENED: 1, _CLOSED: 2, _SETTLED: 0}
    index, fields = read_constructor(data, arities, "the stage")
    if index == _SETTLED:
        return Settled()
    subbed = read_whole(fields[0], "the amount redeemed so far")
    return Opened(subbed) if index == _OPENED else Closed(subbed, read_whole(fields[1], "the time"))


def read_list(data: Data, size: int, what: str) -> tuple[Data, ...]:
    """Return the items of a list of that size. Raises :class:`DecodeError`."""
    if type(data) is not tuple or len(data) != size:  # a constructor is a tuple, too
        raise DecodeError(f"{what} must be a list of {size} items")
    return data


def read_constructor(
    data: Data, arities: dict[int, int], what: str
) -> tuple[int, tuple[Data, ...]]:
    """Return the index and fields of a constructor. Raises :class:`DecodeError`.

    ``arities`` has the number of fields by index.
    """
    if isinstance(data, Constr) and arities.get(data.tag) == len(data.fields):
        return data.tag, data.fields
    raise DecodeError(f"{what} must be a constructor of {sorted(arities)} with all its fields")


def read_whole(data: Data, what: str) -> int:
    """Return a number that is not negative. Raises :class:`DecodeError`."""
    if not isinstance(data, int) or data < 0:
        raise DecodeError(f"{what} must be a whole number")
    return data


def _read_bytes(data: Data, size: int, what: str) -> bytes:
    if not isinstance(data, bytes) or len(data) != size:
        raise DecodeError(f"{what} must be a byte string of {size} bytes")
    return data


def _list_constants(constants: Constants, has_sponsor: bool) -> Data:
    tag, currency, iou_key, consumer, provider, period, sponsor = constants
    asset = Constr(_ADA) if currency is None else Constr(_ASSET, (currency[:28], currency[28:]))
    items = (tag, asset, iou_key, consumer, provider, period)
    if not has_sponsor:
        return items
    if sponsor is None:
        return (*items, NOTHING)
    return (*items, Constr(0, ((decode_data(sponsor.address), sponsor.floor),)))


def _data(stage: Stage) -> Data:
    match stage:
        case Opened(subbed):
            return Constr(_OPENED, (subbed,))
        case Closed(subbed, elapse_at):
            return Constr(_CLOSED, (subbed, elapse_at))
        case Settled():
            return Constr(_SETTLED)
