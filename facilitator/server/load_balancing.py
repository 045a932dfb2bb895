"""An even division of connections between processes that accept them from one socket.

If the kernel decides, the quicker process takes all of a burst, and connections that are kept stay
there. So each process writes its number of connections to shared memory, and a process with more
than another lets the other one be first.
"""

import mmap

YIELD_SECONDS = 0.001
"""Time for which a process leaves a new connection to the others, for each that it is ahead."""
MAX_YIELDS = 4
"""Greatest multiple of that time, since a process that has fewer may hang."""

ABSENT = 2**32 - 1


class Balance:
    """The number of connections of each process. Create it before the processes are forked."""

    def __init__(self, processes: int) -> None:
        """Begin with all processes absent."""
        self._counts = memoryview(mmap.mmap(-1, 4 * processes)).cast("I")
        for index in range(processes):
            self.share(index).withdraw()

    def share(self, index: int) -> "ConnectionShare":
        """Return the share of one process."""
        return ConnectionShare(self._counts, index)


class ConnectionShare:
    """One process' share of the connections."""

    def __init__(self, counts: "memoryview[int]", index: int) -> None:
        """Take the counts that all processes share, and the index of this process."""
        self._counts = counts
        self._index = index

    def set_count(self, connections: int) -> None:
        """Publish how many connections this process has."""
        self._counts[self._index] = connections

    def withdraw(self) -> None:
        """Mark this process as absent, so that no other leaves a connection to it."""
        self._counts[self._index] = ABSENT

    @property
    def yield_seconds(self) -> float:
        """The time for which to leave a new connection to the others; 0 when none has fewer."""
        ahead = self._counts[self._index] - min(self._counts)
        return min(ahead, MAX_YIELDS) * YIELD_SECONDS
