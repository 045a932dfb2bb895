"""One act on many things at once, in threads where the system gives any."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

_T = TypeVar("_T")


class Parallel:
    """Threads that start when they are first needed, and are kept if the system gives them all."""

    def __init__(self, most: int, name: str) -> None:
        """Have ``most`` threads at most, with names that begin with ``name``."""
        self._most, self._name = most, name
        self._threads = ThreadPoolExecutor(most, name)

    def run(self, act: Callable[[_T], object], things: Sequence[_T]) -> None:
        """Act on each thing; return when all is done. Raises what ``act`` raises.

        Without a further thread all is done in the caller's, and the others end: the rest of the
        process needs some. What was queued before may be done twice, so ``act`` must bear that.
        """
        try:
            results = self._threads.map(act, things)
        except (RuntimeError, MemoryError):
            self._threads.shutdown(wait=False)
            self._threads = ThreadPoolExecutor(self._most, self._name)
            results = map(act, things)
        for _ in results:
            pass

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown()
