"""Connections divided evenly between processes that accept them from one socket.

Left to the kernel, whichever process is quicker takes all of a burst, and connections that are kept
stay where they are. So each tells the others how many it has, in shared memory, and who has more
than another lets that one be first.
"""

import mmap

YIELD_SECONDS = 0.001
"""How long a process leaves a new connection to the others, for each that it is ahead of them."""
MAX_YIELDS = 4
"""How many of these at most: another that has fewer may hang."""

ABSENT = 2**32 - 1


class Balance:
    """How many connections each process has. To be made before the processes are forked."""

    def __init__(self, processes: int) -> None:
        """Nobody is there yet."""
        self._counts = memoryview(mmap.mmap(-1, 4 * processes)).cast("I")
        for index in range(processes):
            self.share(index).give_up()

    def share(self, index: int) -> "ConnectionShare":
        """Return the share of one process."""
        return ConnectionShare(self._counts, index)


class ConnectionShare:
    """One process' share of the connections."""

    def __init__(self, counts: "memoryview[int]", index: int) -> None:
        """Take what all share, and which one is this process'."""
        self._counts = counts
        self._index = index

    def has(self, connections: int) -> None:
        """Tell the others how many connections this process has."""
        self._counts[self._index] = connections

    def give_up(self) -> None:
        """This process accepts none, or is not there: nothing is left to it."""
        self._counts[self._index] = ABSENT

    @property
    def yield_seconds(self) -> float:
        """How long to leave a new connection to the others; 0 when none has fewer."""
        ahead = self._counts[self._index] - min(self._counts)
        return min(ahead, MAX_YIELDS) * YIELD_SECONDS
