"""Turns of threads to work: one begins a request, and few go on with theirs at once.

The interpreter runs one thread at a time. Threads that could all run take it from each other at
each system call, which costs more than the call. And each of them gets it as chance will have it,
so that some requests take several times as long as others.
"""

import threading
import time
from collections import deque
from collections.abc import Callable

AT_ONCE = 8
"""Requests that go on at once after their pauses. Fewer would hand over more often."""
STALL_SECONDS = 0.005
"""Time for which the others wait beside one that takes long."""
BLOCKED_SECONDS = 0.1
"""Time after which a turn without a pause counts no more while others wait."""
LONGEST_SECONDS = 1.0
"""The longest time for which a request waits to go on."""


class _Resuming:
    """A thread that waits to go on with its request."""

    def __init__(self, thread_no: int) -> None:
        self.thread_no = thread_no
        self.given = threading.Lock()
        self.given.acquire()


class Turns:
    """The turns of a pool's threads. Its lock is held by the caller, except where a method says so.

    A thread that works looks for more work when it has done its own. So it is enough to have one
    begin when none works.
    """

    def __init__(self, lock: threading.Lock, begin_one: Callable[[], None]) -> None:
        """Take the pool's lock, and what has a thread begin a request, if there is one to begin."""
        self._lock = lock
        self._begin_one = begin_one
        self._working: dict[int, float] = {}
        """Threads that work, with the time at which each began or went on."""
        self._resuming: deque[_Resuming] = deque()
        self._given = self._given_before = 0
        """Turns that were given, by now and by the last look."""
        self._seen_at = 0.0
        """Time of the last look that found nothing to do."""

    @property
    def is_free(self) -> bool:
        """True if no thread works."""
        return not self._working

    @property
    def are_awaited(self) -> bool:
        """True if a thread waits to go on with its request."""
        return bool(self._resuming)

    def begin(self, thread_no: int) -> None:
        """Let the thread work."""
        self._working[thread_no] = time.monotonic()
        self._given += 1

    def end(self, thread_no: int) -> None:
        """Let the threads that wait to go on have the turn of this one."""
        self._working.pop(thread_no, None)
        while self._resuming and len(self._working) < AT_ONCE:
            first = self._resuming.popleft()
            self.begin(first.thread_no)
            first.given.release()

    def of(self, thread_no: int) -> "ThreadTurn":
        """Return the turn of one thread."""
        return ThreadTurn(self, thread_no)

    def pause(self, thread_no: int) -> None:
        """Let another thread work; call it without the lock."""
        with self._lock:
            self.end(thread_no)
            self._begin_if_free()

    def resume(self, thread_no: int) -> None:
        """Return when the thread may go on; call it without the lock."""
        with self._lock:
            if len(self._working) < AT_ONCE:
                self.begin(thread_no)
                return
            own = _Resuming(thread_no)
            self._resuming.append(own)
        if not own.given.acquire(timeout=LONGEST_SECONDS):
            with self._lock:
                if own in self._resuming:
                    self._resuming.remove(own)
                    self.begin(thread_no)

    def look(self, *, has_tasks: bool) -> None:
        """Let others work if some wait, and those that work wait too, or have much to do.

        They do if no turn was given for :data:`STALL_SECONDS`. One does, although others go on, if
        its turn lasts for :data:`BLOCKED_SECONDS`. They count no more.
        """
        now = time.monotonic()
        if has_tasks or self._resuming:
            longest = BLOCKED_SECONDS
            if self._given == self._given_before:
                if now - self._seen_at < STALL_SECONDS:
                    return
                longest = 0.0
            for thread_no, since in list(self._working.items()):
                if now - since >= longest:
                    self.end(thread_no)
            self._begin_if_free()
        self._given_before, self._seen_at = self._given, now

    def _begin_if_free(self) -> None:
        if not self._working:
            self._begin_one()


class ThreadTurn:
    """The turn of one thread."""

    def __init__(self, turns: Turns, thread_no: int) -> None:
        """Take the turns of all, and the thread's number."""
        self._turns = turns
        self._thread_no = thread_no

    def pause(self) -> None:
        """Let another thread work."""
        self._turns.pause(self._thread_no)

    def resume(self) -> None:
        """Return when the thread may go on."""
        self._turns.resume(self._thread_no)
