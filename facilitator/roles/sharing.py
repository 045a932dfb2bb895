"""What a storage may do besides, so that a fleet of processes follows each chain only once.

Optional, as protocols of their own. A storage that several processes share may implement
:class:`SharesChain` as well: one process then asks the provider for new blocks and publishes what
it learns, and the others read that. One that answers faster than a provider may also implement
:class:`SharesOutputs`: all processes then share the outputs that were looked up.
Every method is atomic and raises :class:`~facilitator.roles.storage.StorageUnavailable`; whether a
change that raised was made is unknown, and any call may be made again. Networks are apart. Nothing
here needs to survive anything: what is lost is looked up again. ``facilitator.testing.storage``
holds the contract tests.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple, Protocol, runtime_checkable


class Entry(NamedTuple):
    """Something published: its place in the feed and what it says."""

    number: int
    """Grows by one with each entry of the network; the first is 1."""
    content: bytes


class SharedOutput(NamedTuple):
    """An unspent output in the shared cache."""

    seen_at: int
    """Number of the newest entry of the feed when it was looked up; 0 before the first one."""
    content: bytes


@runtime_checkable
class SharesChain(Protocol):
    """A storage by which processes elect who follows a chain, and hear what that one learns."""

    def lead(self, network: str, follower: str, now: float, until: float) -> bool:
        """Make ``follower`` the network's leader until then, unless another one's lease lasts.

        Whether it leads now. A leader prolongs its lease by calling again. ``now`` and ``until``
        are Unix seconds; a lease is over once ``now`` has reached its end.
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
        """Append an entry to the network's feed; whether it is there now as the newest one.

        It is not appended when ``follower`` does not lead or ``number`` is not the next one.
        Whoever led last leads here, even beyond its lease, until another does or it resigns. The
        outputs in ``spent`` (``<transaction id>#<index>``) leave the shared cache, if there is one,
        in the same step, and of the feed only the newest ``keep`` entries, at least 1, stay. Also
        true when the leader's newest entry is this very one, so that after a lost reply it may
        call again.
        """
        ...

    def published(self, network: str, after: int) -> Sequence[Entry]:
        """Entries with a greater number, oldest first; ``after`` -1 gives the newest one alone."""
        ...


@runtime_checkable
class SharesOutputs(SharesChain, Protocol):
    """A storage that also keeps outputs which were looked up, for whoever follows the same feed."""

    def share_outputs(
        self, network: str, outputs: Mapping[str, SharedOutput], keep_until: float
    ) -> None:
        """Put outputs by reference (``<transaction id>#<index>``) in the shared cache.

        What was there under these references is replaced. From ``keep_until`` on, Unix seconds by
        the storage's own clock, they are not in the cache any more.
        """
        ...

    def shared_outputs(self, network: str, refs: Collection[str]) -> Mapping[str, SharedOutput]:
        """Return those of these outputs that are in the shared cache."""
        ...
