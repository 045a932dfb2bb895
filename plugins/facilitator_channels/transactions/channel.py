"""A channel output as it was found, and what it becomes."""

from typing import NamedTuple, TypeVar

from facilitator.cardano.cbor import DecodeError
from facilitator.cardano.transaction import AssetId, Output, OutputRef, Value
from facilitator_channels.datum import SUBBIT, Constants, Datum, Stage
from facilitator_channels.transactions.plan import CannotBuild
from facilitator_channels.transactions.wire import NewOutput

_SCRIPT, _SCRIPT_WITH_STAKE_KEY = 0x70, 0x10
_StageT = TypeVar("_StageT", bound=Stage)


class Channel(NamedTuple):
    """A channel output that a transaction spends."""

    ref: OutputRef
    output: Output
    datum: Datum

    @property
    def constants(self) -> Constants:
        """The part of the datum that stays."""
        return self.datum.constants

    @property
    def held(self) -> int:
        """What it holds of the channel's currency, in atomic units."""
        return held(self.output.value, self.constants.currency)

    def stage_as(self, wanted: type[_StageT]) -> _StageT:
        """Return the stage. Raises :class:`CannotBuild` for another one."""
        if not isinstance(self.datum.stage, wanted):
            raise CannotBuild(
                f"the channel {self.constants.tag.hex()} is {_name(type(self.datum.stage))}, "
                f"it must be {_name(wanted)}"
            )
        return self.datum.stage

    def become(self, stage: Stage, change: int = 0) -> NewOutput:
        """Return the continuing output in that stage, with so much more of the currency."""
        datum = SUBBIT.encode(self.datum._replace(stage=stage))
        value = add(self.output.value, self.constants.currency, change)
        return NewOutput(self.output.address, value, datum)


def read_channel(ref: OutputRef, output: Output) -> Channel:
    """Return the channel of an output. Raises :class:`CannotBuild` if its datum is none."""
    try:
        if output.datum is None:
            raise DecodeError("it has no inline datum")
        return Channel(ref, output, SUBBIT.decode(output.datum))
    except DecodeError as error:
        raise CannotBuild(f"{ref} is no channel: {error}") from None


def channel_address(script_hash: bytes, network_id: int, stake_key: bytes = b"") -> bytes:
    """Return the address of the validator's channels, with that stake key hash if there is one."""
    kind = _SCRIPT_WITH_STAKE_KEY if stake_key else _SCRIPT
    return bytes([kind | network_id]) + script_hash + stake_key


def held(value: Value, currency: AssetId | None) -> int:
    """Return the amount of the currency."""
    return value.lovelace if currency is None else value.assets.get(currency, 0)


def add(value: Value, currency: AssetId | None, amount: int) -> Value:
    """Return the value with so much more of the currency."""
    if currency is None:
        return Value(value.lovelace + amount, value.assets)
    assets = {**value.assets, currency: value.assets.get(currency, 0) + amount}
    return Value(value.lovelace, {asset: quantity for asset, quantity in assets.items() if quantity})


def _name(stage: type[Stage]) -> str:
    return stage.__name__.lower()
