"""A channel: an output at a validator's address whose datum that validator can read."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from facilitator.cardano.cbor import DecodeError
from facilitator.cardano.transaction import Output, OutputRef
from facilitator_channels.datum import Closed, Constants, Datum, DatumCodec, Opened, Settled
from facilitator_channels.reserve import compute_capacity, compute_reserve

NO_END_MS = 2**64
"""Later than any time of a datum that can come."""

_SCRIPT_BIT, _BYRON_BIT = 0x10, 0x80


class Validator(NamedTuple):
    """A validator: its script hash, and the form of its datums."""

    script_hash: bytes
    codec: DatumCodec

    def owns(self, output: Output) -> bool:
        """Return True if the output is at the validator's address, whatever its stake part."""
        header = output.address[0]
        is_script = header & _SCRIPT_BIT and not header & _BYRON_BIT
        return bool(is_script) and output.address[1:29] == self.script_hash


class Channel(NamedTuple):
    """A channel output."""

    ref: OutputRef
    """The reference to the output; it moves with each step."""
    output: Output
    datum: Datum
    validator: Validator

    @property
    def constants(self) -> Constants:
        """The constants, which never change."""
        return self.datum.constants

    @property
    def subbed(self) -> int:
        """The atomic units that were redeemed so far; 0 once it is settled."""
        stage = self.datum.stage
        return 0 if isinstance(stage, Settled) else stage.subbed

    @property
    def is_opened(self) -> bool:
        """Return True if it takes IOUs."""
        return isinstance(self.datum.stage, Opened)

    def reserve(self, coins_per_byte: int) -> int:
        """Return the lovelace that it must keep."""
        own_hash, constants, _ = self.datum
        codec = self.validator.codec
        return compute_reserve(self.output.address, own_hash, constants, codec, coins_per_byte)

    def capacity(self, coins_per_byte: int) -> int:
        """Return the greatest IOU that can be redeemed without the consumer, in atomic units."""
        return compute_capacity(self.output, self.datum, self.reserve(coins_per_byte))

    @property
    def redeemable_until(self) -> int:
        """The Unix time in ms until which its consumer cannot take it; 0 once it is settled.

        An open one first must be closed, which counts as no end.
        """
        stage = self.datum.stage
        if isinstance(stage, Closed):
            return stage.elapse_at
        return NO_END_MS if isinstance(stage, Opened) else 0

    def redeemable(self, owed: int, coins_per_byte: int) -> int:
        """Return the atomic units that an IOU for ``owed`` in all still takes from it."""
        if isinstance(self.datum.stage, Settled):
            return 0
        return max(0, min(owed, self.capacity(coins_per_byte)) - self.subbed)

    def state(self, coins_per_byte: int) -> Mapping[str, Any]:
        """Return the draft's ``channelState`` of an opened channel."""
        return describe(self.constants.tag, self.ref, self.capacity(coins_per_byte), self.subbed)


def read_channel(ref: OutputRef, output: Output, validator: Validator) -> Channel:
    """Return the channel that an output at the validator's address is.

    Raises :class:`DecodeError` with a sentence if the validator could not use it.
    """
    datum = read_datum(output, validator.codec)
    if datum.own_hash != validator.script_hash:
        raise DecodeError("its datum names another script than the one at whose address it is")
    if holds_more(output, datum.constants):
        raise DecodeError("it holds an asset besides ADA and the channel's own")
    return Channel(ref, output, datum, validator)


def read_datum(output: Output, codec: DatumCodec) -> Datum:
    """Return the inline datum of an output without a reference script.

    Raises :class:`DecodeError` for another output.
    """
    if output.script is not None:
        raise DecodeError("it carries a reference script")
    if output.datum is None:
        raise DecodeError("it has no inline datum")
    return codec.decode(output.datum)


def holds_more(output: Output, constants: Constants) -> bool:
    """Return True if the output holds an asset besides ADA and the channel's own."""
    return any(asset != constants.currency for asset in output.value.assets)


def describe(tag: bytes, ref: OutputRef | None, capacity: int, subbed: int) -> Mapping[str, Any]:
    """Return the draft's ``channelState`` of a channel that is open, or not there (``None``)."""
    return {
        "channelId": tag.hex(),
        "channelRef": "" if ref is None else str(ref),
        "balance": str(capacity),
        "totalClaimed": str(subbed),
        "withdrawRequestedAt": 0,
    }
