"""The threads that answer requests: waitress' own, but only as many as the work needs."""

import threading
import time
from collections import deque
from itertools import count
from typing import Any

from waitress.task import ThreadedTaskDispatcher

SPARE_THREADS = 4
"""Threads that stay when there is nothing to do."""
IDLE_SECONDS = 10.0
"""Idle time after which a further thread ends."""


class _NewestFirst(threading.Condition):
    """A condition that wakes the newest waiter: its stack is still in the processor's caches."""

    _waiters: deque[Any]  # as :class:`threading.Condition` has them, the oldest first

    def notify(self, n: int = 1) -> None:
        """Wake ``n`` waiters."""
        self._waiters.rotate(n)
        super().notify(n)


class ElasticThreadPool(ThreadedTaskDispatcher):
    """Threads that grow and shrink in number with the work; the one busy last gets the next task.

    When the last idle thread takes a task, another starts. Threads that are no longer needed end:
    each keeps, apart from its stack, up to 100 kB of freed memory (malloc's thread cache), so that
    1,400 threads grow for hours.
    """

    def __init__(self, max_threads: int, *, idle_seconds: float = IDLE_SECONDS) -> None:
        """Begin without threads; there are never more than ``max_threads``."""
        super().__init__()
        self.queue_cv = _NewestFirst(self.lock)
        self._max_threads = max_threads
        self._numbers = count(SPARE_THREADS)
        self._idle_seconds = idle_seconds

    def start(self) -> None:
        """Start the first threads; return when they run."""
        self.set_thread_count(SPARE_THREADS)
        while self.active_count:  # those that have not come up yet count as busy
            time.sleep(0.001)

    def stop(self, seconds: float) -> None:
        """End the threads, each after its task; wait at most so many seconds for them."""
        self.shutdown(timeout=seconds)

    def add_task(self, task: Any) -> None:
        """Queue the task for the next free thread."""
        with self.lock:
            self.queue.append(task)
            self.queue_cv.notify()
            waiting = len(self.queue) - self._idle
            is_full = len(self.threads) >= self._max_threads
        if is_full and waiting > 0:
            self.queue_logger.warning("Task queue depth is %d", waiting)

    def handler_thread(self, thread_no: int) -> None:
        """Run tasks until the thread is to end."""
        while (task := self._next(thread_no)) is not None:
            try:
                task.service()
            except BaseException:
                self.logger.exception("Exception when servicing %r", task)

    @property
    def _idle(self) -> int:
        """The number of threads that wait for work; read it with the lock held."""
        return len(self.threads) - self.stop_count - self.active_count

    def _next(self, thread_no: int) -> Any:
        """Return the next task, or ``None`` when the thread is to end."""
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
            was_last = not self._idle and len(self.threads) < self._max_threads
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
