"""The threads that answer requests: waitress' own, woken in another order."""

import threading
from collections import deque
from typing import Any

from waitress.task import ThreadedTaskDispatcher


class _NewestFirst(threading.Condition):
    """Wakes whoever began to wait last: its stack is still in the caches, the others' stay out."""

    _waiters: deque[Any]  # as :class:`threading.Condition` has them, the oldest first

    def notify(self, n: int = 1) -> None:
        """Wake so many."""
        self._waiters.rotate(n)
        super().notify(n)


class Dispatcher(ThreadedTaskDispatcher):
    """Gives work to the thread that was busy last.

    Taking turns, as waitress has it, 1,400 threads come to hold 40 MB more.
    """

    def __init__(self) -> None:
        """Have no threads yet."""
        super().__init__()
        self.queue_cv = _NewestFirst(self.lock)
