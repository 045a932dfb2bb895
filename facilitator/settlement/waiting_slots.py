"""WaitingSlots for callers to wait in: as many at once as there are, and how many are taken."""

import threading


class WaitingSlots:
    """So many places. Safe to use from many threads."""

    def __init__(self, number: int) -> None:
        """All of them are free."""
        self.number = number
        self.taken = 0
        self._lock = threading.Lock()

    def take(self) -> bool:
        """Take a place without waiting for one; whether there was one."""
        with self._lock:
            free = self.taken < self.number
            self.taken += free
            return free

    def leave(self) -> None:
        """Give a place back."""
        with self._lock:
            self.taken -= 1
