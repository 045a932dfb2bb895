"""The redeemers of channel inputs.

The first channel input of a transaction, in the ledger's order, has :class:`Main` with one step for
each channel; each other has :class:`Defer`. :class:`Mutual` stands alone.
"""

from dataclasses import dataclass
from typing import TypeAlias

from facilitator.cardano.cbor import DecodeError
from facilitator.cardano.phase2.data import Constr, Data, decode_data, encode_data
from facilitator_channels.datum import read_constructor, read_whole

_SIGNATURE = 64
_CONTINUING, _ENDING = 0, 1
_DEFER, _MAIN, _MUTUAL = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Add:
    """The consumer adds to the channel."""


@dataclass(frozen=True, slots=True)
class Sub:
    """The provider redeems from an opened channel."""

    owed: int
    """The amount of the IOU, all that was ever owed."""
    signature: bytes
    """The IOU's signature."""


@dataclass(frozen=True, slots=True)
class Close:
    """The consumer closes the channel."""


@dataclass(frozen=True, slots=True)
class Settle:
    """The provider redeems from a closed channel, for the last time."""

    owed: int
    signature: bytes


@dataclass(frozen=True, slots=True)
class End:
    """The consumer takes what a settled channel has left."""


@dataclass(frozen=True, slots=True)
class Elapse:
    """The consumer takes a closed channel that was not settled in time."""


Step: TypeAlias = Add | Sub | Close | Settle | End | Elapse


@dataclass(frozen=True, slots=True)
class Defer:
    """Another input carries this one's step."""


@dataclass(frozen=True, slots=True)
class Main:
    """The steps of all channel inputs, in the ledger's order of inputs."""

    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Mutual:
    """Consumer and provider agree on what becomes of the channel."""


ChannelRedeemer: TypeAlias = Defer | Main | Mutual


def decode_redeemer(raw: bytes) -> ChannelRedeemer:
    """Return the value of a redeemer's data. Raises :class:`DecodeError`."""
    try:
        data = decode_data(raw)
    except RecursionError:
        raise DecodeError("the redeemer is nested too deeply") from None
    index, fields = read_constructor(data, {_DEFER: 0, _MAIN: 1, _MUTUAL: 0}, "the redeemer")
    if index == _DEFER:
        return Defer()
    if index == _MUTUAL:
        return Mutual()
    (steps,) = fields
    if type(steps) is not tuple:
        raise DecodeError("the steps must be a list")
    return Main(tuple([_read_step(step) for step in steps]))


def encode_redeemer(redeemer: ChannelRedeemer) -> bytes:
    """Return the CBOR of the redeemer, as ``serialiseData`` writes it."""
    match redeemer:
        case Main(steps):
            return encode_data(Constr(_MAIN, (tuple([_step_data(step) for step in steps]),)))
        case Defer():
            return encode_data(Constr(_DEFER))
        case Mutual():
            return encode_data(Constr(_MUTUAL))


def _read_step(data: Data) -> Step:
    group, (inner,) = read_constructor(data, {_CONTINUING: 1, _ENDING: 1}, "a step")
    if group == _ENDING:
        index, _ = read_constructor(inner, {0: 0, 1: 0}, "an ending step")
        return Elapse() if index else End()
    index, fields = read_constructor(inner, {0: 0, 1: 2, 2: 0, 3: 2}, "a continuing step")
    if not fields:
        return Close() if index else Add()
    owed, signature = fields
    if not isinstance(signature, bytes) or len(signature) != _SIGNATURE:
        raise DecodeError(f"the signature of a step must have {_SIGNATURE} bytes")
    redeem = Sub if index == 1 else Settle
    return redeem(read_whole(owed, "the amount of a step"), signature)


def _step_data(step: Step) -> Data:
    match step:
        case Add():
            return Constr(_CONTINUING, (Constr(0),))
        case Sub(owed, signature):
            return Constr(_CONTINUING, (Constr(1, (owed, signature)),))
        case Close():
            return Constr(_CONTINUING, (Constr(2),))
        case Settle(owed, signature):
            return Constr(_CONTINUING, (Constr(3, (owed, signature)),))
        case End():
            return Constr(_ENDING, (Constr(0),))
        case Elapse():
            return Constr(_ENDING, (Constr(1),))
