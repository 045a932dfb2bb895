"""The threads that answer requests: waitress' own, but only as many as the work needs."""

import logging
import mmap
import threading
import time
from collections import deque
from collections.abc import Callable
from itertools import count
from typing import Any

from waitress.task import ThreadedTaskDispatcher

from facilitator.pauses import take_turns
from facilitator.server.turns import STALL_SECONDS, Turns

SPARE_THREADS = 4
"""Threads that stay when there is nothing to do."""
IDLE_SECONDS = 10.0
"""Idle time after which a further thread ends."""
BUSY_SECONDS = 0.02
"""Interval of looks at the tasks while some are worked on, and none waits."""
REST_SECONDS = 1.0
"""Interval of looks otherwise."""
RESERVED_BYTES = 32 * 1024 * 1024
"""Address space that a further thread leaves to the rest of the process."""
RETRY_SECONDS = 60.0
"""Time after which the system is asked again for more threads than it gave."""

_log = logging.getLogger("facilitator.server")  # that of waitress' queue is throttled

_SHARE = 8
"""One of so many threads is given back when the system gives no more: others need some, too."""
_FEW = 8
"""The least number of threads that are given back then: a network's settlements take four later."""


class _NewestFirst(threading.Condition):
    """A condition that wakes the newest waiter: its stack is still in the processor's caches."""

    _waiters: deque[Any]  # as :class:`threading.Condition` has them, the oldest first

    def notify(self, n: int = 1) -> None:
        """Wake ``n`` waiters."""
        self._waiters.rotate(n)
        super().notify(n)


class ElasticThreadPool(ThreadedTaskDispatcher):
    """Threads that grow and shrink in number with the work; the one busy last gets the next task.

    A thread is woken for a task if none works: one that does takes the next task itself. The event
    loop calls :meth:`look`, so that a task does not wait for long beside others that take long.

    When the last idle thread takes a task, another starts. Threads that are no longer needed end:
    each keeps, apart from its stack, up to 100 kB of freed memory (malloc's thread cache), so that
    1,400 threads grow for hours.

    The system may give fewer than ``max_threads``: by a limit of processes, or of memory. The pool
    then gives some back, so that other parts of the process get theirs, and later tries for more.
    """

    def __init__(
        self,
        max_threads: int,
        *,
        idle_seconds: float = IDLE_SECONDS,
        on_limit: Callable[[int], None] = lambda _: None,
    ) -> None:
        """Begin without threads.

        Args:
            max_threads: There are never more.
            idle_seconds: Idle time after which a further thread ends.
            on_limit: Called with the number of threads that there can be, whenever it turns out to
                be another than before, in a thread of the pool.
        """
        super().__init__()
        self.queue_cv = _NewestFirst(self.lock)
        self._max_threads = self._limit = max_threads
        self._numbers = count(SPARE_THREADS)
        self._idle_seconds = idle_seconds
        self._on_limit = on_limit
        self._start_lock = threading.Lock()
        self._starting = 0
        """Threads that are counted as busy, and do not run yet."""
        self._retry = -1
        """The number of the latest thread beyond what the system gave before."""
        self._given = max_threads
        """The limit before that thread was tried."""
        self._retry_at = 0.0
        self._turns = Turns(self.lock, self._wake_one)
        self._woken = 0
        """Idle threads that were woken, and do not run yet."""
        self._emptied = threading.Condition(self.lock)

    @property
    def limit(self) -> int:
        """The number of threads that there can be, as far as is known."""
        return self._limit

    def start(self) -> None:
        """Start the first threads; return when they run. Raises :class:`RuntimeError`."""
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
            if self._turns.is_free:
                self._wake_one()
            waiting = len(self.queue) - self._idle
            is_full = len(self.threads) >= self._limit
        if is_full and waiting > 0:
            self.queue_logger.warning("Task queue depth is %d", waiting)

    def look(self) -> float:
        """Have a further thread work if tasks wait, and none was taken since the last look.

        While tasks wait it first waits a moment itself: requests that come meanwhile are read
        together. Returns the seconds after which to look again.
        """
        with self.lock:
            if len(self.queue) > self._woken and not self._turns.is_free:
                self._emptied.wait(STALL_SECONDS)
            self._turns.look(has_tasks=bool(self.queue))
            is_awaited = bool(self.queue or self._turns.are_awaited)
            if self._turns.is_free and not self._woken:
                return BUSY_SECONDS if is_awaited else REST_SECONDS
            return STALL_SECONDS if is_awaited else BUSY_SECONDS

    def handler_thread(self, thread_no: int) -> None:
        """Run tasks until the thread is to end."""
        if thread_no >= SPARE_THREADS:
            with self.lock:
                self._starting -= 1
        take_turns(self._turns.of(thread_no))
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
            self._turns.end(thread_no)
            while self._has_to_wait and not self.stop_count and not self._is_one_too_many:
                self.active_count -= 1
                was_woken = self.queue_cv.wait(self._idle_seconds)
                self._woken -= bool(self._woken)
                is_spare = not was_woken and self._idle > SPARE_THREADS
                self.active_count += 1
                if is_spare and not self.queue and not self.stop_count:
                    self._end(thread_no)
                    return None
            if self.stop_count or self._is_one_too_many:
                self.stop_count -= bool(self.stop_count)
                self._end(thread_no)
                return None
            task = self.queue.popleft()
            self._turns.begin(thread_no)
            if not self.queue:
                self._emptied.notify()
            number = None if self._idle else self._added()
        if number is not None:
            self._start(number)
        return task

    @property
    def _has_to_wait(self) -> bool:
        """True if there is no task, or another thread takes it; read it with the lock held."""
        return not (self.queue and self._turns.is_free)

    def _wake_one(self) -> None:
        """Wake a thread for the next task, unless one was; call it with the lock held."""
        if self.queue and not self._woken and self._idle:
            self._woken = 1
            self.queue_cv.notify()

    @property
    def _is_one_too_many(self) -> bool:
        """True while more threads run than the system can spare; read it with the lock held."""
        return len(self.threads) - self.stop_count > self._limit

    def _added(self) -> int | None:
        """Return the number of a further thread, counted as busy; ``None`` if there can be none."""
        number = next(self._numbers)
        if len(self.threads) >= self._limit:
            if self._limit == self._max_threads or time.monotonic() < self._retry_at:
                return None
            self._retry, self._given = number, self._limit
            self._keep_limit(self._limit + max(1, self._limit // _SHARE))
        self.threads.add(number)
        self.active_count += 1
        self._starting += 1
        return number

    def _end(self, thread_no: int) -> None:
        self.threads.discard(thread_no)
        self.active_count -= 1
        self.thread_exit_cv.notify()

    def _start(self, number: int) -> None:
        """Start the thread, or learn that the system gives no more."""
        try:
            with self._start_lock:
                _check_memory()
                self.start_new_thread(self.handler_thread, number)
        except (RuntimeError, MemoryError):
            self._failed(number)
            return
        if number == self._retry:
            self._report_limit()

    def _failed(self, number: int) -> None:
        """Give threads back, unless they were already, or only one more than before was tried."""
        with self.lock:
            self._starting -= 1
            self._end(number)
            running = len(self.threads) - self._starting
            if number == self._retry:
                self._keep_limit(self._given)
                return
            if running > self._limit:
                return
            self._keep_limit(running - max(_FEW, running // _SHARE))
        self._report_limit()
        _log.warning(
            "no further thread can start: there are %d, of which %d are kept; raise the limit of"
            " processes or of memory, or lower server.threads",
            running, self._limit,
        )  # fmt: skip

    def _keep_limit(self, limit: int) -> None:
        """Have at most so many threads for a while; call it with the lock held."""
        self._limit = max(SPARE_THREADS, min(limit, self._max_threads))
        self._retry_at = time.monotonic() + RETRY_SECONDS

    def _report_limit(self) -> None:
        try:
            self._on_limit(self._limit)
        except Exception:
            self.logger.exception("the limit of threads could not be applied")


def _check_memory() -> None:
    """Raise :class:`MemoryError` if a further thread would leave the process no room to work.

    Its start could then hang, too: Python waits for a thread that ends before it has begun.
    """
    try:
        mmap.mmap(-1, RESERVED_BYTES, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS).close()
    except OSError as error:
        raise MemoryError from error
