"""A seller's channels as the chain shows them: one question for all, and more where one has moved.

A channel whose output is listed at the validator's address has not moved. Every other is followed
from where it was, since anyone can put an output with the same datum there. Providers list only the
newest outputs. So a channel that is not listed is followed at once if an output with its tag is
listed, and else from time to time.
"""

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from facilitator.cardano.cbor import DecodeError
from facilitator.cardano.output_ref import parse_output_ref
from facilitator.cardano.transaction import OutputRef
from facilitator.plugin import (
    ChainProvider,
    ChainUnavailable,
    InBlock,
    ListsOutputs,
    OutputStatus,
    ProviderBehind,
    Unspent,
)
from facilitator.x402.networks import cardano_network
from facilitator_channels.channel import Channel, read_datum
from facilitator_channels.datum import SUBBIT, Settled
from facilitator_channels.following import ChannelFollower, NoChannel, Wanted
from facilitator_channels.seller.record import ChannelRecord
from facilitator_channels.seller.views import (
    paid_by,
    patience_ms,
    read_ref,
    view_of,
    wanted_of,
    worth_to,
)
from facilitator_channels.seller.watching import Ended, Seen
from facilitator_channels.validators import KNOWN
from facilitator_channels.values import ChannelView

DEEP_BLOCKS = 3
"""Blocks over a transaction from which on it counts as staying."""
OLDEST_TIP_MS = 600_000
"""The age of the newest block from which on a provider is behind, 10 minutes."""
_ARRIVAL_BLOCKS = 100
"""Blocks for which an arrival is remembered. It matters until the position is deep."""
_SCRIPT_ADDRESS = 0x70

_log = logging.getLogger(__name__)


class Sight(NamedTuple):
    """A channel as one look at the chain shows it."""

    seen: Seen
    anchor_ref: str = ""
    """Its position, once that is known to be deep; else empty."""


class Pass(NamedTuple):
    """One look at all channels of a network."""

    now_ms: int
    """Unix time in ms before the chain was asked."""
    tip: int
    """The height of the newest block."""
    price: int
    """Lovelace for each byte of an output."""
    known: Mapping[OutputRef, OutputStatus]
    """The statuses of outputs that are listed, or were asked for."""
    moved: frozenset[bytes]
    """Tags of channels that are listed somewhere, perhaps as copies."""


class ChannelLook:
    """Looks at the channels of one network. For one thread at a time."""

    def __init__(self, chain: ChainProvider) -> None:
        """Ask the network's provider; ask nothing yet."""
        self._chain = chain
        self._network_id = cardano_network(chain.network).network_id
        self._follower = ChannelFollower()
        self._arrived: dict[str, tuple[str, int]] = {}
        """The position by channel id, and the height of the tip when it was first seen there."""

    def look(self, records: Sequence[ChannelRecord], now_ms: int) -> Mapping[str, Sight]:
        """Return what the chain shows of each channel, by its id. Raises :class:`ChainUnavailable`.

        ``now_ms`` is the Unix time before the call.
        """
        tip, price = self._tip(now_ms), self._chain.parameters().coins_per_utxo_byte
        known: dict[OutputRef, OutputStatus] = dict(self._list(records))
        moved = frozenset(_tags(known.values()))
        asked = [
            ref
            for record in records
            if (ref := read_ref(record.view.channel_ref)) is not None
            and ref not in known
            and self._is_due(record, now_ms)
        ]
        if asked:
            known |= self._chain.outputs(asked)
        this = Pass(now_ms, tip, price, known, moved)
        oldest = tip - _ARRIVAL_BLOCKS
        self._arrived = {name: each for name, each in self._arrived.items() if each[1] >= oldest}
        return {record.channel_id: self._look_at(record, this) for record in records}

    def _tip(self, now_ms: int) -> int:
        """Return the height of the newest block. Raises :class:`ProviderBehind` for an old one.

        What such a provider shows as open may be closed long ago.
        """
        tip = self._chain.tip()
        age_ms = now_ms - self._chain.eras().start_ms(tip.point.slot)
        if age_ms > OLDEST_TIP_MS and not self._chain.is_devnet:
            raise ProviderBehind(f"the newest block is {age_ms // 60_000} minutes old")
        return tip.height

    def _list(self, records: Iterable[ChannelRecord]) -> Mapping[OutputRef, Unspent]:
        """Return the newest unspent outputs at the validators' addresses."""
        if not isinstance(self._chain, ListsOutputs):
            return {}
        found: dict[OutputRef, Unspent] = {}
        for script_hash in sorted({record.script_hash for record in records}):
            address = bytes([_SCRIPT_ADDRESS | self._network_id]) + bytes.fromhex(script_hash)
            listed = self._chain.outputs_at(address)
            found |= {ref: Unspent(output) for ref, output in listed.items()}
        return found

    def _is_due(self, record: ChannelRecord, now_ms: int) -> bool:
        """Return True if the channel is asked for although it is not listed."""
        is_late = now_ms - record.view.seen_at >= patience_ms(record)
        return is_late or not isinstance(self._chain, ListsOutputs)

    def _look_at(self, record: ChannelRecord, this: Pass) -> Sight:
        try:
            seen = self._see(record, this)
            anchor = self._anchor(record, seen, this)
        except (ChainUnavailable, ValueError) as error:
            _log.warning("channel %s cannot be looked at: %s", record.channel_id, error)
            return Sight(None)
        return Sight(seen, anchor)

    def _see(self, record: ChannelRecord, this: Pass) -> Seen:
        ref, wanted = read_ref(record.view.channel_ref), wanted_of(record)
        if ref is not None and isinstance(status := this.known.get(ref), Unspent):
            channel = wanted.read(ref, status.output)
            return None if channel is None else self._shown(record, channel, this)
        has_moved = wanted.constants.tag in this.moved
        if ref is not None and not has_moved and not self._is_due(record, this.now_ms):
            return None
        return self._follow(record, wanted, this)

    def _follow(self, record: ChannelRecord, wanted: Wanted, this: Pass) -> Seen:
        """Follow the channel from its position, or from its anchor if that is no longer known.

        The client may have made copies. One that ends while the anchor leads to another ends
        nothing.
        """
        ended: Seen = None
        for start in dict.fromkeys((record.view.channel_ref, record.anchor_ref)):
            if (ref := read_ref(start)) is None:
                continue
            found = self._follower.follow(
                partial(self._outputs, this),
                self._chain,
                ref,
                wanted.validator,
                wanted.constants,
                partial(worth_to, record, this.price),
            )
            if isinstance(found, Channel):
                is_it = wanted.read(found.ref, found.output) is not None
                return self._shown(record, found, this) if is_it else None
            if isinstance(found, NoChannel):
                by = found.ended_by
                if ended is None and by is not None:
                    ended = self._ended(paid_by(record, by), by.transaction_id, this)
                continue
            _log.info("channel %s is not known at %s: %s", record.channel_id, start, found.why)
            ended = None
        return ended

    def _outputs(self, this: Pass, refs: Collection[OutputRef]) -> Mapping[OutputRef, OutputStatus]:
        """Return outputs that were asked for in this pass without asking again."""
        asked = [ref for ref in refs if ref not in this.known]
        found = self._chain.outputs(asked) if asked else {}
        return {ref: this.known[ref] if ref in this.known else found[ref] for ref in refs}

    def _shown(self, record: ChannelRecord, channel: Channel, this: Pass) -> Seen:
        """Return the channel as a view; a settled one has ended for the seller, who settled it.

        What a young block has added to the balance counts once the position is deep.
        """
        if isinstance(channel.datum.stage, Settled):
            due = min(record.charged, record.view.balance)
            redeemed = max(record.view.total_claimed, due)  # once it has ended there is no balance
            return self._ended(redeemed, channel.ref.transaction_id.hex(), this)
        view = view_of(channel, this.price, this.now_ms)
        if view.channel_ref == record.anchor_ref:
            return view
        return replace(view, balance=min(view.balance, record.view.balance))

    def _ended(self, redeemed: int, by: str, this: Pass) -> Ended:
        return Ended(redeemed, self._is_deep(by, this), this.now_ms)

    def _anchor(self, record: ChannelRecord, seen: Seen, this: Pass) -> str:
        """Return the position if it is deep, which is asked once it was seen for long enough."""
        if not isinstance(seen, ChannelView) or seen.channel_ref == record.anchor_ref:
            return ""
        position, since = self._arrived.get(record.channel_id, ("", 0))
        if position != seen.channel_ref:
            self._arrived[record.channel_id] = (seen.channel_ref, this.tip)
            return ""
        if this.tip - since < DEEP_BLOCKS:
            return ""
        transaction_id = parse_output_ref(seen.channel_ref).transaction_id.hex()
        return seen.channel_ref if self._is_deep(transaction_id, this) else ""

    def _is_deep(self, transaction_id: str, this: Pass) -> bool:
        where = self._chain.transaction(transaction_id)
        return isinstance(where, InBlock) and this.tip - where.height >= DEEP_BLOCKS


def _tags(listed: Iterable[OutputStatus]) -> Iterable[bytes]:
    for each in listed:
        if isinstance(each, Unspent):
            codec = KNOWN.get(each.output.address[1:29], SUBBIT)
            try:
                yield read_datum(each.output, codec).constants.tag
            except DecodeError:
                continue
