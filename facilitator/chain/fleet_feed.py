"""How a fleet follows a chain once: one process leads and publishes, the others read.

Whoever cannot reach the storage goes on alone, as though it were the only one, and finds back into
the feed when the storage is there again. What was missed in between counts as a gap.
"""

import logging
import time
import uuid
from collections.abc import Sequence
from typing import NamedTuple

from facilitator.chain.chain_update import ChainUpdate, decode_move, encode_move
from facilitator.clock import Clock
from facilitator.roles.chain import Tip
from facilitator.roles.sharing import SharesChain
from facilitator.roles.storage import StorageUnavailable

RESUMABLE_SECONDS = 600
"""How old an entry may be for a process that joins to go on from there."""
JOINED_ENTRIES = 50
"""How many entries back a process begins that joins."""
KEPT_ENTRIES = 256

_log = logging.getLogger("facilitator.follower")


class Joined(NamedTuple):
    """Where a process begins to read."""

    tip: Tip
    at: float
    """When it was published, in Unix seconds."""


class Feed:
    """One process' place in the feed of a network. For use by one thread at a time."""

    def __init__(
        self, storage: SharesChain, network: str, clock: Clock, *, lease_seconds: float
    ) -> None:
        """Whoever leads prolongs its lease, of so many seconds, with every :meth:`turn`."""
        self._storage = storage
        self._network = network
        self._clock = clock
        self._lease_seconds = lease_seconds
        self._name = uuid.uuid4().hex
        self._number = 0
        self._content = b""
        self._late = 0.0
        self._heard_at = 0.0
        self._leads = False
        self._alone = False

    def join(self) -> Joined | None:
        """Where in the feed to go on from; ``None`` when nobody followed the chain of late.

        That is some way back, so that what others have seen is heard of as well.
        """
        self._number, self._content, self._leads, self._alone = 0, b"", False, False
        try:
            newest = _newest(self._storage, self._network)
            entries = self._storage.published(self._network, max(0, newest - JOINED_ENTRIES))
        except StorageUnavailable as error:
            self._go_alone(error)
            return None
        oldest_that_counts = self._clock.time() - RESUMABLE_SECONDS
        for entry in entries:
            move, at = decode_move(entry.content)
            if at >= oldest_that_counts:
                self._number, self._content = entry.number, entry.content
                self._hear(at)
                return Joined(move.tip, at)
        self._alone = True  # what is published first must not seem to follow what was before
        return None

    def turn(self, tip: Tip) -> tuple[bool, Sequence[ChainUpdate]]:
        """Whether this process is to ask the provider, and what others published since last time.

        ``tip`` is the newest block that this process knows.
        """
        now = self._clock.time()
        try:
            leads = self._storage.lead(self._network, self._name, now, now + self._lease_seconds)
            if leads and not self._leads:
                _log.info("this process follows %s for all that share the storage", self._network)
            self._leads = leads
            if not self._alone:
                return leads, self._read()
            if leads:
                return self.publish(ChainUpdate(tip, contiguous=False)), ()
            return False, self._rejoin()
        except StorageUnavailable as error:
            self._go_alone(error)
            return True, ()

    def publish(self, move: ChainUpdate) -> bool:
        """Tell the others; whether the move counts. It does not when somebody else leads now."""
        content = encode_move(move, self._clock.time())
        spent = [str(ref) for block in move.blocks for ref in block.spent]
        try:
            if self._alone:
                self._number = _newest(self._storage, self._network)
            taken = self._storage.publish(
                self._network, self._name, self._number + 1, content, spent, KEPT_ENTRIES
            )
        except StorageUnavailable as error:
            self._go_alone(error)
            return True
        if taken:
            self._number, self._content, self._alone = self._number + 1, content, False
        return taken

    def resign(self) -> None:
        """Leave the lead to others at once."""
        try:
            self._storage.resign(self._network, self._name)
        except StorageUnavailable as error:
            _log.warning("the lease on following %s will run out: %s", self._network, error)
        self._leads = False

    def age(self) -> float:
        """How long ago, in seconds, somebody knew the newest block of what was read.

        A clock that is put back meanwhile makes it no younger.
        """
        return self._late + time.monotonic() - self._heard_at

    def _hear(self, at: float) -> None:
        """Something was read that was published at the Unix time ``at``."""
        self._late = max(0.0, self._clock.time() - at)
        self._heard_at = time.monotonic()

    @property
    def number(self) -> int | None:
        """Number of the newest entry taken in; ``None`` while on its own."""
        return None if self._alone else self._number

    def _read(self) -> Sequence[ChainUpdate]:
        entries = self._storage.published(self._network, max(0, self._number - 1))
        if self._number:
            if not entries or entries[0] != (self._number, self._content):
                return self._rejoin()  # trimmed beyond our place, or emptied and begun anew
            entries = entries[1:]
        moves = []
        for entry in entries:
            move, at = decode_move(entry.content)
            self._hear(at)
            self._number, self._content = entry.number, entry.content
            moves.append(move)
        return moves

    def _rejoin(self) -> Sequence[ChainUpdate]:
        joined = self.join()
        return () if joined is None else (ChainUpdate(joined.tip, contiguous=False), *self._read())

    def _go_alone(self, error: StorageUnavailable) -> None:
        if not self._alone:
            _log.warning("following %s alone: %s", self._network, error)
        self._alone = True
        self._leads = False


def _newest(storage: SharesChain, network: str) -> int:
    return max((entry.number for entry in storage.published(network, -1)), default=0)
