"""A record and the channel that it is about: how each shows in the other."""

from facilitator.cardano.addresses.address import parse_address
from facilitator.cardano.amounts import LOVELACE
from facilitator.cardano.output_ref import parse_output_ref
from facilitator.cardano.transaction import OutputRef
from facilitator.plugin import SpentBy
from facilitator_channels.binding import constants_of
from facilitator_channels.channel import Channel, Validator
from facilitator_channels.datum import SUBBIT, Closed
from facilitator_channels.following import Wanted
from facilitator_channels.messages import ChannelConfig
from facilitator_channels.reserve import held
from facilitator_channels.seller.record import ChannelRecord
from facilitator_channels.validators import KNOWN
from facilitator_channels.values import ChannelView

PATIENCE = 6
"""The part of its close period after which a channel that is not listed is followed again."""
MIN_PATIENCE_MS, MAX_PATIENCE_MS = 60_000, 300_000
"""The limits of that time."""

LATEST_CLOSING = 250_000_000_000
"""Unix seconds, in the year 9892, as which a later closing counts: a datum may name any time."""

MOST = 2**128
"""More than any IOU, as which a greater amount counts: a copy may say thousands of digits."""


def view_of(channel: Channel, price: int, now_ms: int) -> ChannelView:
    """Return an opened or closed channel as a record keeps it, seen at ``now_ms``."""
    stage, period = channel.datum.stage, channel.constants.close_period
    closed_at = 0
    if isinstance(stage, Closed):
        closed_at = min(max(1, (stage.elapse_at - period) // 1000), LATEST_CLOSING)
    balance, redeemed = min(channel.capacity(price), MOST), min(channel.subbed, MOST)
    return ChannelView(str(channel.ref), balance, redeemed, closed_at, now_ms)


def wanted_of(record: ChannelRecord) -> Wanted:
    """Return what an output must be to be the record's channel."""
    return wanted_by(record.config, record.script_hash, bytes.fromhex(record.channel_id))


def wanted_by(config: ChannelConfig, script_hash: str, tag: bytes) -> Wanted:
    """Return what an output must be to be the channel of a configuration.

    ``script_hash`` is that of its validator, in hex.
    """
    name = bytes.fromhex(script_hash)
    asset = None if config.token == LOVELACE else bytes.fromhex(config.token.replace(".", ""))
    constants = constants_of(config, tag, asset)
    return Wanted(Validator(name, KNOWN.get(name, SUBBIT)), constants)


def worth_to(record: ChannelRecord, price: int, channel: Channel) -> tuple[int, ...]:
    """Return the rank of a copy of the record's channel: what is owed, and how long that is there.

    Only what is owed counts: else a richer copy that its consumer may take at once would lead away
    from the channel. ``price`` is that of an output's byte in lovelace.
    """
    owed = min(channel.redeemable(record.charged, price), record.unredeemed)
    return owed, channel.redeemable_until


def paid_by(record: ChannelRecord, by: SpentBy) -> int:
    """Return all that is redeemed after the transaction that ended the channel.

    A refund pays the seller's address what was charged and not redeemed yet.
    """
    constants, receiver = wanted_of(record).constants, parse_address(record.config.receiver)
    paid = sum(held(each, constants) for _, each in by.outputs if each.address == receiver)
    return record.view.total_claimed + min(paid, record.unredeemed)


def patience_ms(record: ChannelRecord) -> int:
    """Return the time after which a channel that is not listed is followed."""
    part = record.config.withdraw_delay * 1000 // PATIENCE
    return min(max(part, MIN_PATIENCE_MS), MAX_PATIENCE_MS)


def read_ref(text: str) -> OutputRef | None:
    """Return the reference ``txid#index``; ``None`` for an empty text."""
    return parse_output_ref(text) if text else None
