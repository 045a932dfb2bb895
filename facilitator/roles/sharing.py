"""Optional protocols of a storage, by which a fleet of processes follows each chain only once.

A storage that several processes share may implement :class:`SharesChain`: then one process asks
the provider for new blocks and publishes them, and the others read them. A storage that answers
faster than a provider may also implement :class:`SharesOutputs`: then all processes share the
outputs that were looked up. One that can say when an entry is published may implement
:class:`AnnouncesEntries`: then no process learns of a block half a second late.

Every method is atomic and may be called from many threads and processes at once. Every method
raises :class:`~facilitator.roles.storage.StorageUnavailable`. Then it is unknown if a change was
made, and the call may be repeated. Records of one network do not affect another's. None of them has
to be durable: lost ones are looked up again. ``facilitator.testing.storage`` holds the contract
tests.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple, Protocol, runtime_checkable


class Entry(NamedTuple):
    """An entry of the feed."""

    number: int
    """The entry's offset in the network's feed: grows by one with each entry, from 1 on."""
    content: bytes
    """The bytes that were published. Only the core reads them."""


class SharedOutput(NamedTuple):
    """An unspent output in the shared cache."""

    seen_at: int
    """Number of the newest feed entry when it was looked up; 0 before the first one."""
    content: bytes
    """The bytes that were shared. Only the core reads them."""


class Lease(NamedTuple):
    """The lead of a network's followers, as it is stored."""

    follower: str
    """The follower that leads: a token that no other process has."""
    until: float
    """Unix seconds by the clock of the follower that leads, which may be wrong."""


@runtime_checkable
class SharesChain(Protocol):
    """A storage by which processes elect a leader for each chain, and read what it publishes."""

    def lead(
        self, network: str, follower: str, now: float, until: float, over: Lease | None = None
    ) -> Lease:
        """Make ``follower`` the leader unless another's lease lasts; return the lease in force.

        The new lease lasts until ``until``, in Unix seconds by the caller's clock. A stored lease
        is over once ``now`` has reached its end. It is over as well if it equals ``over``, which
        the caller has seen unchanged for longer than a lease lasts: the clock that wrote it was
        wrong. A leader prolongs its lease by calling again.
        """
        ...

    def resign(self, network: str, follower: str) -> None:
        """End the follower's lease, if it leads."""
        ...

    def publish(
        self,
        network: str,
        follower: str,
        number: int,
        content: bytes,
        spent: Collection[str],
        keep: int,
    ) -> bool:
        """Append an entry to the network's feed; return True if it is the newest one now.

        It is not appended if ``follower`` does not lead or ``number`` is not the next one. Here the
        last leader leads even beyond its lease, until another one does or it resigns. In the same
        step the outputs in ``spent`` (``<transaction id>#<index>``) leave the shared cache, if the
        storage has one, and only the newest ``keep`` entries of the feed, at least 1, stay. Returns
        True too if the leader's newest entry is this very one, so that after a lost reply it may
        call again.
        """
        ...

    def published(self, network: str, after: int) -> Sequence[Entry]:
        """Return the entries with a number greater than ``after``, oldest first.

        With ``after`` -1, return the newest entry alone.
        """
        ...


@runtime_checkable
class SharesOutputs(SharesChain, Protocol):
    """A storage that also caches looked up outputs, for all processes that follow the same feed."""

    def share_outputs(
        self, network: str, outputs: Mapping[str, SharedOutput], keep_until: float
    ) -> None:
        """Put outputs by reference (``<transaction id>#<index>``) in the shared cache.

        They replace earlier ones of the same references, and leave the cache at ``keep_until``, in
        Unix seconds by the storage's own clock.
        """
        ...

    def shared_outputs(self, network: str, refs: Collection[str]) -> Mapping[str, SharedOutput]:
        """Return those of the outputs in ``refs`` that are in the shared cache."""
        ...


@runtime_checkable
class AnnouncesEntries(SharesChain, Protocol):
    """A storage that says when an entry is published, by whichever process."""

    def announce(self, network: str, call: Callable[[], None]) -> None:
        """Have ``call`` called soon after each entry of the network's feed, until ``close``.

        It is called in a thread of the storage, and must return at once. An announcement may come
        without an entry, or not at all, as while the storage is away: this method does not raise
        then. Called once for each network.
        """
        ...
