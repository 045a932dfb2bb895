"""Following a channel from any old position to the output that it is now.

Each step of a channel spends its output and makes another at the validator's address, with the same
constants. A client can make copies beside it, since an opening runs no script. An IOU can be
redeemed from each of them, so the caller says which is worth most: a copy must not lead away from
the money, nor make a channel look as if it had ended. Who starts where is the caller's choice, so
what is remembered is remembered for that start alone, and looked up again before it is used.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from facilitator.cardano.cbor import DecodeError
from facilitator.cardano.transaction import Output, OutputRef
from facilitator.plugin import FindsSpenders, OutputLookup, SpentBy, Unknown, Unspent
from facilitator_channels.channel import Channel, Validator, read_channel
from facilitator_channels.datum import Constants

MAX_HOPS = 50
"""Steps of a channel that one question follows. Each may cost a few calls of a plan."""
REMEMBERED = 10_000
"""Starts for which a newer position is remembered; those that changed longest ago go first."""

_Key: TypeAlias = tuple[OutputRef, Constants]
"""The start and the channel."""

Worth: TypeAlias = Callable[[Channel], tuple[int, ...]]
"""A function that ranks copies by what can be redeemed from each; the greatest comes first."""


def _equal(_: Channel) -> tuple[int, ...]:
    return ()


_CANNOT = Unknown("the chain provider cannot find what spent an output (FindsSpenders)")
_TOO_OLD = Unknown(f"the channel has moved more than {MAX_HOPS} times since; try again to go on")


class NoChannel(NamedTuple):
    """There is no such channel at the start, or it has ended."""

    why: str
    """The reason, a sentence that callers are shown."""
    ended_by: SpentBy | None = None
    """The transaction that ended it."""
    is_unreadable: bool = False
    """True for an output at the validator's address that the validator cannot use."""


_NOWHERE = NoChannel("it is nowhere")

Followed: TypeAlias = Channel | NoChannel | Unknown
"""The channel as it is now; that there is none; or that this is not known, which is no verdict."""


class ChannelFollower:
    """Follows channels, for many threads at once."""

    def __init__(self) -> None:
        """Remember nothing yet."""
        self._lock = threading.Lock()
        self._newer: OrderedDict[_Key, OutputRef] = OrderedDict()

    def follow(
        self,
        outputs: OutputLookup,
        provider: object,
        start: OutputRef,
        validator: Validator,
        constants: Constants,
        worth: Worth = _equal,
    ) -> Followed:
        """Return the channel of the constants, which was at ``start`` once.

        Where a transaction has made several outputs with these constants, the one of the greatest
        ``worth`` is followed, the first among equal ones: validators continue in that order. If
        that one has ended, the next is: the channel has ended once all have.

        ``outputs`` is asked first, as it may cost no call, then the provider's
        :class:`~facilitator.plugin.FindsSpenders`. The sponsor among the constants does not count.
        A channel that is at the start itself is returned with whatever constants it has: the caller
        compares them. Raises :class:`~facilitator.plugin.ChainUnavailable`.
        """
        wanted = Wanted(validator, constants._replace(sponsor=None))
        key = (start, wanted.constants)
        with self._lock:
            remembered = self._newer.get(key)
        if remembered is not None:
            found = self._walk(outputs, provider, remembered, wanted, key, worth)
            if not isinstance(found, Unknown) or self._newer.get(key) != remembered:
                return found
        # The remembered position is not known: perhaps its block was rolled back.
        return self._walk(outputs, provider, start, wanted, key, worth)

    def _walk(
        self,
        outputs: OutputLookup,
        provider: object,
        position: OutputRef,
        wanted: "Wanted",
        key: "_Key",
        worth: Worth,
    ) -> Followed:
        status = outputs([position])[position]
        if isinstance(status, Unspent):
            return wanted.at(position, status.output, is_start=position == key[0])
        if not isinstance(provider, FindsSpenders):
            return _CANNOT
        ahead, ended, has_copies = [position], _NOWHERE, False
        for _ in range(MAX_HOPS + 1):
            position = ahead.pop()
            found = provider.spender(position)
            if isinstance(found, Unspent):
                return wanted.at(position, found.output, is_start=position == key[0])
            if isinstance(found, Unknown):
                return found
            copies = [
                channel
                for ref, output in found.outputs
                if (channel := wanted.read(ref, output)) is not None
            ]
            has_copies = has_copies or len(copies) > 1
            if copies and not has_copies:
                self._remember(key, copies[0].ref)
            best_first = sorted(copies, key=worth, reverse=True)
            ahead += [each.ref for each in reversed(best_first)]
            if not copies:
                ended = NoChannel(f"the transaction {found.transaction_id} ended it", found)
            if not ahead:
                return ended
        return _TOO_OLD

    def _remember(self, key: "_Key", newer: OutputRef) -> None:
        """Remember each hop, so that a question that was cut short is not asked from the start."""
        with self._lock:
            self._newer[key] = newer
            self._newer.move_to_end(key)
            if len(self._newer) > REMEMBERED:
                self._newer.popitem(last=False)


class Wanted(NamedTuple):
    """The channel that is followed."""

    validator: Validator
    constants: Constants
    """Without a sponsor."""

    def read(self, ref: OutputRef, output: Output) -> Channel | None:
        """Return the channel if the output is it."""
        channel = _read(ref, output, self.validator)
        if not isinstance(channel, Channel):
            return None
        is_it = channel.constants._replace(sponsor=None) == self.constants
        return channel if is_it else None

    def at(self, ref: OutputRef, output: Output, *, is_start: bool) -> Channel | NoChannel:
        """Return the channel that the unspent output is."""
        if is_start:
            return _read(ref, output, self.validator)
        return self.read(ref, output) or NoChannel(f"the output {ref} is not that channel")


def _read(ref: OutputRef, output: Output, validator: Validator) -> Channel | NoChannel:
    if not validator.owns(output):
        return NoChannel(f"the output {ref} is not at the validator's address")
    try:
        return read_channel(ref, output, validator)
    except DecodeError as error:
        return NoChannel(f"the output {ref} is no channel: {error}", is_unreadable=True)
