"""The protocol version of a devnet, and its hard fork."""

from dataclasses import dataclass

from facilitator.cardano.parameters import DIJKSTRA


@dataclass(frozen=True, slots=True)
class ProtocolSchedule:
    """The major protocol version at each slot."""

    version: int = 10
    """The version at first."""
    fork_slot: int | None = None
    """The first slot of :attr:`fork_version`; ``None`` without a fork."""
    fork_version: int = DIJKSTRA

    def at(self, slot: int) -> int:
        """Return the version in force at the slot."""
        has_forked = self.fork_slot is not None and slot >= self.fork_slot
        return self.fork_version if has_forked else self.version

    def next_after(self, slot: int) -> int | None:
        """Return the version that a fork after the slot brings, if there is one."""
        is_ahead = self.fork_slot is not None and slot < self.fork_slot
        return self.fork_version if is_ahead else None


def era_name(version: int) -> str:
    """Return the name of the era of a version, as servers write it."""
    return "Dijkstra" if version >= DIJKSTRA else "Conway"
