"""Channels of a wallet on the chain: those in its book as they are now, and those it has lost.

A channel is the wallet's if its consumer is the wallet's key, and its IOU key is the one that is
derived for its tag. So nothing but the chain and the wallet is needed to find it.
"""

from collections.abc import Iterator
from dataclasses import replace

from facilitator.cardano.cbor import DecodeError
from facilitator.cardano.codec.transaction_decoder import decode_transaction
from facilitator.cardano.output_ref import parse_output_ref
from facilitator.cardano.transaction import OutputRef, Transaction
from facilitator.plugin import FindsSpenders, NotFound, SpentBy, Unknown, Unspent
from facilitator.x402.networks import cardano_network
from facilitator_channels.channel import Channel, Validator, read_channel
from facilitator_channels.client.channel import Status, opening_failed, read_from_chain
from facilitator_channels.datum import Settled
from facilitator_channels.following import ChannelFollower, Followed, NoChannel
from facilitator_channels.paying.entry import Entry
from facilitator_channels.paying.means import Means
from facilitator_channels.seller.views import view_of, wanted_by
from facilitator_channels.transactions.channel import channel_address
from facilitator_channels.validators import KNOWN

_LATE_SLOTS = 600
"""Slots after an opening's last one in which no rollback brings it into the chain any more."""


def follow(entry: Entry, means: Means) -> Followed:
    """Return the channel as the chain shows it. Raises ``ChainUnavailable``.

    An opening that took the place of another is not to be seen if the other has landed. Both spend
    the input that gives the channel its tag, which leads to it.
    """
    found = _follow_from(entry.anchor, entry, means)
    if isinstance(found, Unknown) and entry.opening:
        opened = _follow_from(entry.first_input, entry, means)
        return opened if isinstance(opened, Channel) else found
    return found


def _follow_from(start: OutputRef, entry: Entry, means: Means) -> Followed:
    channel = entry.channel
    wanted = wanted_by(channel.config, channel.script_hash, channel.channel_id)
    price = means.chain.parameters().coins_per_utxo_byte
    found = ChannelFollower().follow(
        means.chain.outputs,
        means.chain,
        start,
        wanted.validator,
        wanted.constants,
        lambda each: (left_in(each, price),),
    )
    if isinstance(found, Channel) and wanted.read(found.ref, found.output) is None:
        return NoChannel(f"the output {found.ref} is not that channel")
    return found


def left_in(channel: Channel, price: int) -> int:
    """Return the units that are left in a channel, by which the payer ranks copies.

    Who makes a copy that leads away from the payer's money has to put in more than that. ``price``
    is that of an output's byte in lovelace.
    """
    return channel.capacity(price) - channel.subbed


def refresh(entry: Entry, means: Means) -> Entry:
    """Return the entry as the chain shows its channel, as far as that is known.

    Raises ``ChainUnavailable``.
    """
    found = follow(entry, means)
    match found:
        case Channel():
            return shown(entry, found, means)
        case Unknown():
            return _judge_opening(entry, means) if entry.opening else _judge_position(entry, means)
        case NoChannel():
            return entry.with_channel(replace(entry.channel, status=Status.CLOSED))


def shown(entry: Entry, found: Channel, means: Means) -> Entry:
    """Return the entry after the chain has shown its channel there.

    What was redeemed counts as far as the record says that it was signed for. The validator lets no
    claim go beyond an IOU, but anyone can make a copy of the channel, whose datum says anything.
    """
    if isinstance(found.datum.stage, Settled):
        closed = replace(entry.channel, status=Status.CLOSED)
        return replace(entry.with_channel(closed), anchor=found.ref)
    view = view_of(found, means.chain.parameters().coins_per_utxo_byte, 0)
    view = replace(
        view, total_claimed=min(view.total_claimed, max(entry.signed, entry.channel.count))
    )
    return replace(entry.with_channel(read_from_chain(entry.channel, view)), anchor=found.ref)


def _judge_opening(entry: Entry, means: Means) -> Entry:
    """Return the entry of a channel that is not to be seen: never landed, or rolled back.

    It is closed if its opening can hardly land: another transaction has spent an input of it, or
    its time is long over. While its inputs are unspent, the opening is to be sent again.
    """
    opening, channel = decode_transaction(entry.opening), entry.channel
    chain = means.chain
    refs = [parse_output_ref(each) for each in channel.opening_inputs]
    if isinstance(chain, FindsSpenders):
        for ref in refs:
            by = chain.spender(ref)
            if isinstance(by, SpentBy) and by.transaction_id != opening.id.hex():
                failed = opening_failed(channel, str(ref), by.transaction_id, opening.id.hex())
                return entry.with_channel(failed)
    if _is_lost(opening, means):
        return entry.with_channel(replace(channel, status=Status.CLOSED))
    if all(isinstance(each, Unspent) for each in chain.outputs(refs).values()):
        return entry.with_channel(replace(channel, channel_ref="", status=Status.OPENING))
    return entry


def _is_lost(opening: Transaction, means: Means) -> bool:
    """Return True if the opening's time is long over, and it is not in the chain."""
    end = opening.body.invalid_hereafter
    if end is None or means.chain.tip().point.slot <= end + _LATE_SLOTS:
        return False
    return isinstance(means.chain.transaction(opening.id.hex()), NotFound)


def _judge_position(entry: Entry, means: Means) -> Entry:
    """Return the entry of a channel that was found on the chain, and is not to be seen now.

    It is closed while its transaction is nowhere: that was rolled back. It is found again if it
    comes back.
    """
    where = means.chain.transaction(entry.anchor.transaction_id.hex())
    if not isinstance(where, NotFound):
        return entry
    return entry.with_channel(replace(entry.channel, status=Status.CLOSED))


def list_channels(means: Means) -> Iterator[Channel]:
    """Yield the wallet's channels among the newest outputs of each validator that is known.

    A provider lists a hundred or so. Raises ``ChainUnavailable``.
    """
    network_id = cardano_network(means.network).network_id
    for script_hash, codec in KNOWN.items():
        validator = Validator(script_hash, codec)
        listed = means.chain.outputs_at(channel_address(script_hash, network_id))
        for ref, output in listed.items():
            try:
                channel = read_channel(ref, output, validator)
            except DecodeError:
                continue
            constants = channel.constants
            if constants.consumer != means.payer or constants.sponsor is not None:
                continue
            if bytes(means.key(constants.tag).verify_key) == constants.iou_key:
                yield channel
