"""A bounded number of slots for callers that wait."""

import threading


class WaitingSlots:
    """Counts the slots that are taken. Safe to use from many threads."""

    def __init__(self, number: int) -> None:
        """Begin with ``number`` free slots."""
        self.number = number
        self.taken = 0
        self._lock = threading.Lock()

    def take(self) -> bool:
        """Take a slot without waiting for one; return False if none is free."""
        with self._lock:
            free = self.taken < self.number
            self.taken += free
            return free

    def give_back(self) -> None:
        """Give a slot back."""
        with self._lock:
            self.taken -= 1
