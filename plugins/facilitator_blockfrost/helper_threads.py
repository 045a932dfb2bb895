"""Threads that help a caller with several calls at once, and keep no caller waiting.

The caller makes the calls itself. Helpers that are free take some of them, so that callers with
many calls leave one with few alone.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class HelperThreads:
    """Up to so many helpers, for many callers at once."""

    def __init__(self, number: int, name: str) -> None:
        """Start no thread yet; ``name`` begins the names of all."""
        self._threads = ThreadPoolExecutor(number, name)
        self._free = threading.BoundedSemaphore(number)

    def map(self, call: Callable[[Item], Result], items: Sequence[Item]) -> Sequence[Result]:
        """Return the result of each call, in any order; raise what one of them raises."""
        if len(items) == 1:
            return [call(items[0])]
        left = deque(items)

        def work() -> list[Result]:
            results: list[Result] = []
            while True:
                try:
                    item = left.popleft()
                except IndexError:
                    return results
                results.append(call(item))

        helpers = self._help(work, len(items) - 1)
        try:
            results = work()
        finally:
            left.clear()
        for helper in helpers:
            results += helper.result()
        return results

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(wait=False)

    def _help(self, work: Callable[[], list[Result]], most: int) -> Sequence[Future[list[Result]]]:
        """Have free helpers work, at most so many, in the caller's context."""
        helpers: list[Future[list[Result]]] = []
        while len(helpers) < most and self._free.acquire(blocking=False):
            try:
                helper = self._threads.submit(copy_context().run, work)
            except (RuntimeError, MemoryError):  # no further thread can start, or all is closed
                self._free.release()
                break
            helper.add_done_callback(lambda _: self._free.release())
            helpers.append(helper)
        return helpers
