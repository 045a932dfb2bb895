"""The threads that answer requests: waitress' own, but only as many as there is work for."""

import threading
import time
from collections import deque
from itertools import count
from typing import Any

from waitress.task import ThreadedTaskDispatcher

SPARE_THREADS = 4
"""Threads that stay when there is nothing to do."""
IDLE_SECONDS = 10.0
"""A thread that had nothing to do for so long ends."""


class _NewestFirst(threading.Condition):
    """Wakes whoever began to wait last: its stack is still in the caches, the others' stay out."""

    _waiters: deque[Any]  # as :class:`threading.Condition` has them, the oldest first

    def notify(self, n: int = 1) -> None:
        """Wake so many."""
        self._waiters.rotate(n)
        super().notify(n)


class ElasticThreadPool(ThreadedTaskDispatcher):
    """Gives work to the thread that was busy last, and starts another when the last idle one works.

    Those that are not needed any more end: each keeps up to 100 kB of what it freed for itself
    (malloc's thread cache) besides its stack, so that 1,400 of them grow for hours.
    """

    def __init__(self, most: int, *, idle_seconds: float = IDLE_SECONDS) -> None:
        """Have no threads yet, and never more than ``most``."""
        super().__init__()
        self.queue_cv = _NewestFirst(self.lock)
        self._most = most
        self._numbers = count(SPARE_THREADS)
        self._idle_seconds = idle_seconds

    def start(self) -> None:
        """Return when the first threads have come up."""
        self.set_thread_count(SPARE_THREADS)
        while self.active_count:  # those that have not come up yet count as busy
            time.sleep(0.001)

    def stop(self, seconds: float) -> None:
        """Have the threads end, those with work after it; wait at most so many seconds for them."""
        self.shutdown(timeout=seconds)

    def add_task(self, task: Any) -> None:
        """Have a thread do it, as soon as one is free."""
        with self.lock:
            self.queue.append(task)
            self.queue_cv.notify()
            waiting = len(self.queue) - self._idle
            is_full = len(self.threads) >= self._most
        if is_full and waiting > 0:
            self.queue_logger.warning("Task queue depth is %d", waiting)

    def handler_thread(self, thread_no: int) -> None:
        """What a thread does."""
        while (task := self._next(thread_no)) is not None:
            try:
                task.service()
            except BaseException:
                self.logger.exception("Exception when servicing %r", task)

    @property
    def _idle(self) -> int:
        """Threads that wait for work; with the lock."""
        return len(self.threads) - self.stop_count - self.active_count

    def _next(self, thread_no: int) -> Any:
        """Return the task to do next; ``None`` when the thread is to end."""
        with self.lock:
            while not self.queue and not self.stop_count:
                self.active_count -= 1
                was_woken = self.queue_cv.wait(self._idle_seconds)
                is_spare = not was_woken and self._idle > SPARE_THREADS
                self.active_count += 1
                if is_spare and not self.queue and not self.stop_count:
                    self._end(thread_no)
                    return None
            if self.stop_count:
                self.stop_count -= 1
                self._end(thread_no)
                return None
            task = self.queue.popleft()
            was_last = not self._idle and len(self.threads) < self._most
            if was_last:
                self.threads.add(number := next(self._numbers))
                self.active_count += 1
        if was_last:
            self._start(number)
        return task

    def _end(self, thread_no: int) -> None:
        self.threads.discard(thread_no)
        self.active_count -= 1
        self.thread_exit_cv.notify()

    def _start(self, number: int) -> None:
        try:
            self.start_new_thread(self.handler_thread, number)
        except RuntimeError:  # the system's limit; the next request tries again
            self.queue_logger.warning("no further thread can start; raise the limit of processes")
            with self.lock:
                self._end(number)
