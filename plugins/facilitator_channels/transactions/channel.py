"""The output that a channel becomes by a step."""

from typing import TypeVar

from facilitator.cardano.transaction import AssetId, Value
from facilitator_channels.channel import Channel
from facilitator_channels.datum import Stage
from facilitator_channels.transactions.plan import CannotBuild
from facilitator_channels.transactions.wire import NewOutput

_SCRIPT, _SCRIPT_WITH_STAKE_KEY = 0x70, 0x10
_StageT = TypeVar("_StageT", bound=Stage)


def demand_stage(channel: Channel, wanted: type[_StageT]) -> _StageT:
    """Return the channel's stage. Raises :class:`CannotBuild` unless it is of that kind."""
    stage = channel.datum.stage
    if not isinstance(stage, wanted):
        raise CannotBuild(
            f"the channel {channel.constants.tag.hex()} is {_name(type(stage))}, "
            f"it must be {_name(wanted)}"
        )
    return stage


def continue_in(channel: Channel, stage: Stage, more: int = 0) -> NewOutput:
    """Return the continuing output in that stage, with so much more of the channel's currency."""
    datum = channel.validator.codec.encode(channel.datum._replace(stage=stage))
    value = add(channel.output.value, channel.constants.currency, more)
    return NewOutput(channel.output.address, value, datum)


def channel_address(script_hash: bytes, network_id: int, stake_key: bytes = b"") -> bytes:
    """Return the address of the validator's channels, with that stake key hash if there is one."""
    kind = _SCRIPT_WITH_STAKE_KEY if stake_key else _SCRIPT
    return bytes([kind | network_id]) + script_hash + stake_key


def add(value: Value, currency: AssetId | None, amount: int) -> Value:
    """Return the value with so much more of the currency; ``None`` is lovelace."""
    if currency is None:
        return Value(value.lovelace + amount, value.assets)
    assets = {**value.assets, currency: value.assets.get(currency, 0) + amount}
    return Value(
        value.lovelace, {asset: quantity for asset, quantity in assets.items() if quantity}
    )


def _name(stage: type[object]) -> str:
    return stage.__name__.lower()
