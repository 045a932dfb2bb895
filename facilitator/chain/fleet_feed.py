"""The feed by which a fleet follows a chain once: one process leads and publishes, others read.

A process that cannot reach the storage goes on alone, as if no other existed. It joins the feed
again when the storage is back. Blocks missed in between count as a gap.

The clocks of the processes may differ by any amount. No time that another one wrote decides how
long it leads (:mod:`facilitator.chain.lease_watch`) or how recent an entry is
(:mod:`facilitator.chain.feed_freshness`).
"""

import logging
import math
import time
import uuid
from collections.abc import Callable, Sequence
from typing import NamedTuple

from facilitator.chain.chain_update import (
    ChainUpdate,
    PublishedUpdate,
    decode_update,
    encode_update,
)
from facilitator.chain.feed_freshness import FeedFreshness
from facilitator.chain.lease_watch import LeaseWatch
from facilitator.clock import Clock
from facilitator.roles.chain import Tip
from facilitator.roles.sharing import AnnouncesEntries, Entry, Lease, SharesChain
from facilitator.roles.storage import StorageUnavailable

JOINED_ENTRIES = 100
"""Number of entries before the newest one at which a joining process starts: it learns of as many
blocks as it can remember."""
KEPT_ENTRIES = 256

_LONGEST = 1e9
"""Seconds that stand for an unknown time, since JSON has no infinity."""

_log = logging.getLogger("facilitator.follower")


class Synced(NamedTuple):
    """The outcome of a look at the feed."""

    leads: bool
    """True if it must ask the provider itself."""
    updates: Sequence[ChainUpdate] = ()
    """Published by others since the last look."""


class FleetFeed:
    """The feed of one network, as one process reads and writes it. Not thread-safe."""

    def __init__(
        self,
        storage: SharesChain,
        network: str,
        clock: Clock,
        *,
        lease_seconds: float,
        monotonic: Callable[[], float] = time.monotonic,
        on_skew: Callable[[float], None] = lambda _: None,
    ) -> None:
        """Hold no offset yet. A leader prolongs its lease by ``lease_seconds`` in :meth:`sync`.

        Call ``on_skew`` with the seconds by which the clock of another process is seen to be ahead
        of this one's; a negative number if it is behind.
        """
        self._storage = storage
        self._network = network
        self._clock = clock
        self._lease_seconds = lease_seconds
        self._monotonic = monotonic
        self._on_skew = on_skew
        self._name = uuid.uuid4().hex
        self._watch = LeaseWatch(lease_seconds, monotonic)
        self._freshness = FeedFreshness(monotonic)
        self._until = 0.0
        self._offset = 0
        self._content = b""
        self._took = 0.0
        self._leads = False
        self._alone = False

    def announce(self, call: Callable[[], None]) -> None:
        """Have ``call`` called soon after each entry, if the storage can say when there is one."""
        if isinstance(self._storage, AnnouncesEntries):
            self._storage.announce(self._network, call)

    def join(self) -> Tip | None:
        """Return the tip of the entry to go on from; ``None`` if nothing was published.

        It is some entries before the newest one, so that this process learns the recent blocks too.
        How long ago it was published is not known: :attr:`known_at`.
        """
        self._alone = False
        try:
            return self._join()
        except StorageUnavailable as error:
            self._go_alone(error)
            return None

    def _join(self) -> Tip | None:
        self._offset, self._content, self._leads = 0, b"", False
        self._freshness.forget()
        newest = max((entry.number for entry in self._fetch(-1)), default=0)
        entries = self._fetch(max(0, newest - JOINED_ENTRIES))
        if not entries:
            # The first entry published here must not seem to follow older ones.
            self._alone = True
            return None
        tip = _decoded(entries[0].content).update.tip
        self._offset, self._content = entries[0]
        return tip

    def sync(self, tip: Tip, known_at: float) -> Synced:
        """Return whether this process must ask the provider, and what others published since.

        ``tip`` is the newest block that it knows, by a question that began at ``known_at``, in
        monotonic seconds.
        """
        try:
            leads = self._lead()
            if leads and not self._leads:
                _log.info("this process follows %s for all that share the storage", self._network)
            self._leads = leads
            if not self._alone:
                return Synced(leads, self._read())
            if leads:
                return Synced(self.publish(ChainUpdate(tip, contiguous=False), known_at))
            return Synced(False, self._rejoin())
        except StorageUnavailable as error:
            self._go_alone(error)
            return Synced(True)

    def publish(self, update: ChainUpdate, asked_at: float) -> bool:
        """Publish the update; return False if it does not count since another process leads now.

        ``asked_at`` is when the question to the provider began, in monotonic seconds.
        """
        took = min(self._monotonic() - asked_at, _LONGEST)
        content = encode_update(update, self._clock.time(), took)
        spent = [str(ref) for block in update.blocks for ref in block.spent]
        try:
            if self._alone:
                self._offset = max((each.number for each in self._fetch(-1)), default=0)
            taken = self._storage.publish(
                self._network, self._name, self._offset + 1, content, spent, KEPT_ENTRIES
            )
        except StorageUnavailable as error:
            self._go_alone(error)
            return True
        if taken:
            self._offset, self._content, self._alone = self._offset + 1, content, False
            self._took = 0.0
            self._freshness.published(self._offset, asked_at)
        return taken

    def resign(self) -> None:
        """Leave the lead to others at once."""
        try:
            self._storage.resign(self._network, self._name)
        except StorageUnavailable as error:
            _log.warning("the lease on following %s will run out: %s", self._network, error.detail)
        self._leads = False

    @property
    def known_at(self) -> float:
        """Monotonic seconds at which the newest entry read was surely true; ``-inf`` if unknown."""
        return self._freshness.true_at - self._took

    @property
    def offset(self) -> int | None:
        """The number of the newest entry taken in; ``None`` while this process goes on alone."""
        return None if self._alone else self._offset

    @property
    def asks(self) -> bool:
        """True if this process asks the provider: it leads, or it goes on alone."""
        return self._leads or self._alone

    # --- The lead -----------------------------------------------------------------------------

    def _lead(self) -> bool:
        lease = self._ask_for_lead(None)
        if lease.follower != self._name and self._watch.is_over(self._network, lease):
            lease = self._ask_for_lead(lease)
        return lease.follower == self._name

    def _ask_for_lead(self, over: Lease | None) -> Lease:
        now = self._clock.time()
        until = now + self._lease_seconds
        if until == self._until:  # a clock that stands still must not make the lease look dead
            until = math.nextafter(until, math.inf)
        self._until = until
        lease = self._storage.lead(self._network, self._name, now, until, over)
        ahead = lease.until - now - self._lease_seconds
        if lease.follower != self._name and ahead > 0:
            self._on_skew(ahead)
        return lease

    # --- The entries ----------------------------------------------------------------------------

    def _read(self) -> Sequence[ChainUpdate]:
        entries = self._fetch(max(0, self._offset - 1))
        if self._offset:
            if not entries or entries[0] != (self._offset, self._content):
                return self._rejoin()  # trimmed beyond this offset, or emptied and started again
            entries = entries[1:]
        updates = []
        for entry in entries:
            published = _decoded(entry.content)
            self._offset, self._content = entry.number, entry.content
            self._took = published.took
            updates.append(published.update)
        return updates

    def _fetch(self, after: int) -> Sequence[Entry]:
        """Return the entries after that number, or with -1 the newest one alone."""
        began_at = self._freshness.begin()
        entries = self._storage.published(self._network, after)
        newest = max((entry.number for entry in entries), default=0)
        appeared_since = self._freshness.read(newest, began_at)
        if appeared_since is not None:
            self._compare_clocks(_decoded(entries[-1].content), appeared_since)
        return entries

    def _compare_clocks(self, published: PublishedUpdate, since: float) -> None:
        """Report by how much the publisher's clock is off: it published between then and now."""
        now = self._clock.time()
        earliest = now - (self._monotonic() - since)
        self._on_skew(max(0.0, published.at - now) - max(0.0, earliest - published.at))

    def _rejoin(self) -> Sequence[ChainUpdate]:
        tip = self._join()
        if tip is None:
            return ()
        updates = (ChainUpdate(tip, contiguous=False), *self._read())
        self._alone = False  # not before: what cannot be read is logged once
        return updates

    def _go_alone(self, error: StorageUnavailable) -> None:
        if not self._alone:
            _log.warning("following %s alone: %s", self._network, error.detail)
        self._alone = True
        self._leads = False


def _decoded(content: bytes) -> PublishedUpdate:
    """Return the update in an entry. Raises :class:`StorageUnavailable` if it cannot be read."""
    try:
        return decode_update(content)
    except (ValueError, LookupError, TypeError) as error:
        raise StorageUnavailable(
            "the storage holds a block that cannot be read",
            "the process that follows the chain for all is of a newer version, whose blocks cannot"
            " be read",
        ) from error
