"""The feed by which a fleet follows a chain once: one process leads and publishes, others read.

A process that cannot reach the storage goes on alone, as if no other existed. It joins the feed
again when the storage is back. Blocks missed in between count as a gap.
"""

import logging
import time
import uuid
from collections.abc import Sequence
from typing import NamedTuple

from facilitator.chain.chain_update import ChainUpdate, decode_update, encode_update
from facilitator.clock import Clock
from facilitator.roles.chain import Tip
from facilitator.roles.sharing import SharesChain
from facilitator.roles.storage import StorageUnavailable

RESUMABLE_SECONDS = 600
"""Greatest age of an entry at which a joining process may start."""
JOINED_ENTRIES = 50
"""Number of entries before the newest one at which a joining process starts."""
KEPT_ENTRIES = 256

_log = logging.getLogger("facilitator.follower")


class Joined(NamedTuple):
    """The entry at which a process starts to read."""

    tip: Tip
    at: float
    """Unix seconds at which it was published."""


class FleetFeed:
    """The feed of one network, as one process reads and writes it. Not thread-safe."""

    def __init__(
        self, storage: SharesChain, network: str, clock: Clock, *, lease_seconds: float
    ) -> None:
        """Hold no offset yet. A leader prolongs its lease by ``lease_seconds`` in :meth:`sync`."""
        self._storage = storage
        self._network = network
        self._clock = clock
        self._lease_seconds = lease_seconds
        self._name = uuid.uuid4().hex
        self._offset = 0
        self._content = b""
        self._age_at_read = 0.0
        self._read_at = 0.0
        self._leads = False
        self._alone = False

    def join(self) -> Joined | None:
        """Return the entry to go on from; ``None`` if no process followed the chain recently.

        It is some entries before the newest one, so that this process learns the recent blocks too.
        """
        self._offset, self._content, self._leads, self._alone = 0, b"", False, False
        try:
            newest = _newest(self._storage, self._network)
            entries = self._storage.published(self._network, max(0, newest - JOINED_ENTRIES))
        except StorageUnavailable as error:
            self._go_alone(error)
            return None
        oldest_accepted = self._clock.time() - RESUMABLE_SECONDS
        for entry in entries:
            update, at = decode_update(entry.content)
            if at >= oldest_accepted:
                self._offset, self._content = entry.number, entry.content
                self._note_published(at)
                return Joined(update.tip, at)
        # The first entry published here must not seem to follow the older ones.
        self._alone = True
        return None

    def sync(self, tip: Tip) -> tuple[bool, Sequence[ChainUpdate]]:
        """Return True if this process must ask the provider, and what others published since.

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

    def publish(self, update: ChainUpdate) -> bool:
        """Publish the update; return False if it does not count since another process leads now."""
        content = encode_update(update, self._clock.time())
        spent = [str(ref) for block in update.blocks for ref in block.spent]
        try:
            if self._alone:
                self._offset = _newest(self._storage, self._network)
            taken = self._storage.publish(
                self._network, self._name, self._offset + 1, content, spent, KEPT_ENTRIES
            )
        except StorageUnavailable as error:
            self._go_alone(error)
            return True
        if taken:
            self._offset, self._content, self._alone = self._offset + 1, content, False
        return taken

    def resign(self) -> None:
        """Leave the lead to others at once."""
        try:
            self._storage.resign(self._network, self._name)
        except StorageUnavailable as error:
            _log.warning("the lease on following %s will run out: %s", self._network, error)
        self._leads = False

    def age(self) -> float:
        """Return the age in seconds of the newest entry read.

        A clock that is put back meanwhile makes it no younger.
        """
        return self._age_at_read + time.monotonic() - self._read_at

    def _note_published(self, at: float) -> None:
        """Remember that an entry was read now, published at the Unix time ``at``."""
        self._age_at_read = max(0.0, self._clock.time() - at)
        self._read_at = time.monotonic()

    @property
    def offset(self) -> int | None:
        """The number of the newest entry taken in; ``None`` while this process goes on alone."""
        return None if self._alone else self._offset

    def _read(self) -> Sequence[ChainUpdate]:
        entries = self._storage.published(self._network, max(0, self._offset - 1))
        if self._offset:
            if not entries or entries[0] != (self._offset, self._content):
                return self._rejoin()  # trimmed beyond this offset, or emptied and started again
            entries = entries[1:]
        updates = []
        for entry in entries:
            update, at = decode_update(entry.content)
            self._note_published(at)
            self._offset, self._content = entry.number, entry.content
            updates.append(update)
        return updates

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
