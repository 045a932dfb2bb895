"""Calls with a time limit: what a plugin does in them takes no thread but its own.

A thread cannot be ended from outside. So a call that takes too long goes on in a daemon thread, and
the one who waits for it goes on without it.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from contextvars import copy_context
from typing import Any, NamedTuple

from facilitator.errors import PluginError, one_line
from facilitator.pauses import pausing

MOST_THREADS = 32
"""Threads in which one plugin is called at once; it may take as many for ever, and no more."""
IDLE_SECONDS = 60.0
"""Time after which a thread without a call ends."""


class TookTooLong(PluginError):
    """A plugin did not return within its time limit."""


class Escaped(PluginError):
    """A plugin raised :class:`SystemExit` or the like, which must not end the caller's thread."""


class Outcome(NamedTuple):
    """The end of a call."""

    value: Any
    error: BaseException | None

    def get(self) -> Any:
        """Return the value, or raise the error; as :class:`Escaped` what is no exception."""
        if isinstance(self.error, Exception):
            raise self.error
        if self.error is not None:
            raise Escaped(one_line(self.error)) from self.error
        return self.value


class _Call:
    """A call that another thread makes."""

    def __init__(self, function: Callable[[], Any]) -> None:
        self._function = function
        self._context = copy_context()
        self._ended = threading.Lock()
        self._ended.acquire()
        self.outcome = Outcome(None, None)
        self.is_given_up = False

    def run(self) -> None:
        """Make the call; raises nothing."""
        try:
            self.outcome = Outcome(self._context.run(self._function), None)
        except BaseException as error:
            self.outcome = Outcome(None, error)
        self._ended.release()

    def wait(self, seconds: float) -> bool:
        """Return True once the call has ended, False if it does not in time."""
        return self._ended.acquire(timeout=max(0.0, seconds))


def run_within(seconds: float, function: Callable[[], Any], name: str) -> Outcome:
    """Return the outcome of the call, made in a thread of this name.

    Raises :class:`TookTooLong`, also where the system gives no thread.
    """
    call = _Call(function)
    _start(call, name)
    if not call.wait(seconds):
        raise TookTooLong(f"it takes longer than {seconds:g} s")
    return call.outcome


class LimitedCalls:
    """Calls of one plugin, each in one of a few threads. Safe to use from many threads.

    A call waits for a thread while all are busy. Once every thread has a call that took too long,
    further calls fail at once.
    """

    def __init__(self, plugin: str) -> None:
        """Start no thread yet."""
        self._plugin = plugin
        self._changed = threading.Condition()
        self._waiting: deque[_Call] = deque()
        self._threads = 0
        self._idle = 0
        self._hanging = 0

    def run(self, function: Callable[[], Any], seconds: float) -> Outcome:
        """Return the outcome of the call. Raises :class:`TookTooLong`."""
        call = _Call(function)
        with self._changed:
            if self._hanging >= MOST_THREADS:
                raise TookTooLong(f"all of its {MOST_THREADS} threads hang")
            self._waiting.append(call)
            if len(self._waiting) > self._idle and self._threads < MOST_THREADS:
                self._start_thread(call)
            self._changed.notify()
        with pausing():
            is_late = not call.wait(seconds)
        if is_late and self._give_up(call):
            raise TookTooLong(f"it takes longer than {seconds:g} s")
        return call.outcome

    def _start_thread(self, call: _Call) -> None:
        thread = threading.Thread(target=self._work, name=f"plugin-{self._plugin}", daemon=True)
        try:
            thread.start()
        except (RuntimeError, MemoryError) as error:
            if self._threads == self._hanging:  # no other would take it
                self._waiting.remove(call)
                raise TookTooLong("no thread can start to call it") from error
        else:
            self._threads += 1

    def _give_up(self, call: _Call) -> bool:
        """Give the call up; return False if it has ended in this moment."""
        with self._changed:
            if call.wait(0):
                return False
            if call in self._waiting:
                self._waiting.remove(call)
            else:
                self._hanging += 1
            call.is_given_up = True
            return True

    def _work(self) -> None:
        while (call := self._next()) is not None:
            call.run()
            with self._changed:
                if call.is_given_up:
                    self._hanging -= 1

    def _next(self) -> _Call | None:
        """Return the next call to make; ``None`` if there was none for long."""
        with self._changed:
            self._idle += 1
            try:
                if not self._changed.wait_for(lambda: self._waiting, IDLE_SECONDS):
                    self._threads -= 1
                    return None
                return self._waiting.popleft()
            finally:
                self._idle -= 1


class Ending:
    """The time that all plugins together get to end. Safe to use from many threads."""

    UNHURRIED_SECONDS = 5.0
    """The time of each step while nothing ends altogether."""
    BEYOND_SECONDS = 1.2
    """The time after the last request has got its own."""

    def __init__(self) -> None:
        """Wait for the beginning."""
        self._lock = threading.Lock()
        self._deadline: float | None = None
        self._late: list[_Call] = []

    def begin(self, seconds: float) -> None:
        """Let the plugins end within ``seconds`` and a little more, unless it has begun."""
        with self._lock:
            if self._deadline is None:
                self._deadline = time.monotonic() + seconds + self.BEYOND_SECONDS

    def run(self, function: Callable[[], Any], name: str) -> Outcome:
        """Return the outcome of one step. Raises :class:`TookTooLong`."""
        call = _Call(function)
        _start(call, name)
        seconds = self.seconds_for_one()
        if not call.wait(seconds):
            with self._lock:
                self._late.append(call)
            raise TookTooLong(f"it takes longer than {seconds:.1f} s")
        return call.outcome

    def wait_for_late(self) -> None:
        """Wait for the steps that took too long, until the time is over."""
        for call in self._late:
            if not call.wait(self._seconds_left()):
                return

    def seconds_for_one(self) -> float:
        """Return the time of a step: a third of what is left, so that others get some too."""
        return self.UNHURRIED_SECONDS if self._deadline is None else self._seconds_left() / 3

    def _seconds_left(self) -> float:
        return 0.0 if self._deadline is None else max(0.0, self._deadline - time.monotonic())


def _start(call: _Call, name: str) -> None:
    """Raise :class:`TookTooLong` where the system gives no thread."""
    try:
        threading.Thread(target=call.run, name=name, daemon=True).start()
    except (RuntimeError, MemoryError) as error:
        raise TookTooLong("no thread can start to call it") from error
