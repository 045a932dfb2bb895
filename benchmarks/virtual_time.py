"""Time that passes only while every thread waits: hours of it take seconds of CPU.

The modules that :meth:`VirtualTime.take_over` is given read this clock, and their threads, events
and conditions wait by it. One such thread runs at a time. When all wait, the clock jumps to the
next time at which one of them wants to go on. Work takes no time, so a delay that is measured is
one that the program has chosen: a poll, a lease, a pause. Other threads, such as those of servers
and of pools, run beside in real time, and whoever needs their results gets them at the same moment.
"""

import heapq
import sys
import threading
import time
import types
from collections import deque
from collections.abc import Callable, Iterable
from itertools import count
from typing import Any


class _Waiter:
    """A thread that waits; it goes on when its turn has come."""

    def __init__(self) -> None:
        self.turn = threading.Semaphore(0)
        self.is_due = False


class VirtualTime:
    """The clock and its threads. The thread that makes it is the first of them."""

    def __init__(self, unix: float) -> None:
        """Begin at a Unix time, in seconds."""
        self.now = 0.0
        """Seconds since the beginning."""
        self._unix = unix
        self._lock = threading.Lock()
        self._ready: deque[_Waiter] = deque()
        self._asleep: list[tuple[float, int, _Waiter]] = []
        self._numbers = count()
        self._members = {threading.get_ident()}

    def time(self) -> float:
        """Return the Unix seconds, as :class:`facilitator.clock.Clock`."""
        return self._unix + self.now

    def monotonic(self) -> float:
        """Return the seconds of a clock that is never set."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let the others go on for so long."""
        self.wait([], seconds)

    def wait(
        self,
        waiting: list[_Waiter],
        seconds: float | None,
        unless: Callable[[], bool] = lambda: False,
        begun: Callable[[], None] = lambda: None,
    ) -> None:
        """Wait among those in the list until notified, or for so long.

        ``unless`` it returns True: no notification is missed from then on, and ``begun`` is called.
        """
        waiter = _Waiter()
        is_member = threading.get_ident() in self._members
        with self._lock:
            if unless():
                return
            waiting.append(waiter)
            begun()
            if is_member:
                if seconds is not None:
                    at = self.now + max(0.0, seconds)
                    heapq.heappush(self._asleep, (at, next(self._numbers), waiter))
                self._pass_on()
        if is_member:
            waiter.turn.acquire()
        else:  # a thread of a pool, for which those of this clock wait: its pauses take no time
            waiter.turn.acquire(timeout=0.001)
        with self._lock:
            if waiter in waiting:
                waiting.remove(waiter)

    def notify(self, waiting: list[_Waiter]) -> None:
        """Have all in the list go on, one after the other."""
        with self._lock:
            for waiter in waiting:
                self._make_due(waiter)
            waiting.clear()

    def begin(self, waiter: _Waiter) -> None:
        """Have a new thread go on in its turn."""
        with self._lock:
            self._make_due(waiter)

    def enter(self, waiter: _Waiter) -> None:
        """Belong to this clock from now on. Called by the new thread."""
        with self._lock:
            self._members.add(threading.get_ident())
        waiter.turn.acquire()

    def leave(self, waiting: list[_Waiter]) -> None:
        """End the calling thread, for which those in the list wait."""
        self.notify(waiting)
        with self._lock:
            self._members.discard(threading.get_ident())
            self._pass_on()

    def _make_due(self, waiter: _Waiter) -> None:
        if not waiter.is_due:
            waiter.is_due = True
            self._ready.append(waiter)

    def _pass_on(self) -> None:
        """Give the turn to the next thread, at a later time if none is due now."""
        while not self._ready:
            if not self._asleep:
                raise AssertionError("every thread waits for another")
            at, _, waiter = heapq.heappop(self._asleep)
            if not waiter.is_due:
                self.now = at
                self._make_due(waiter)
        self._ready.popleft().turn.release()

    # --- In the place of the modules time and threading ------------------------------------------

    def take_over(self, packages: Iterable[str]) -> None:
        """Have the imported modules of these packages go by this clock."""
        as_time = _stand_in(time, monotonic=self.monotonic, sleep=self.sleep)
        as_threading = _stand_in(
            threading, Event=self.event, Condition=self.condition, Thread=self.thread_class()
        )
        names = tuple(packages)
        for name, module in list(sys.modules.items()):
            if not any(name == each or name.startswith(f"{each}.") for each in names):
                continue
            if getattr(module, "time", None) is time:
                module.time = as_time  # type: ignore[attr-defined]
            if getattr(module, "threading", None) is threading:
                module.threading = as_threading  # type: ignore[attr-defined]
            for kind in [each for each in vars(module).values() if isinstance(each, type)]:
                for method in vars(kind).values():
                    self._replace_defaults(method)

    def _replace_defaults(self, method: Any) -> None:
        """Replace the clock that is the default of an argument."""
        if not isinstance(method, types.FunctionType):
            return
        swap = {time.monotonic: self.monotonic}
        if method.__defaults__:
            method.__defaults__ = tuple(_swapped(each, swap) for each in method.__defaults__)
        if method.__kwdefaults__:
            for name, each in method.__kwdefaults__.items():
                method.__kwdefaults__[name] = _swapped(each, swap)

    def event(self) -> "VirtualEvent":
        """Return a new event."""
        return VirtualEvent(self)

    def condition(self) -> "VirtualCondition":
        """Return a new condition, with a lock of its own."""
        return VirtualCondition(self)

    def thread_class(self) -> type[threading.Thread]:
        """Return the class of the threads that go by this clock."""
        clock = self

        class VirtualThread(threading.Thread):
            def __init__(self, *arguments: Any, **named: Any) -> None:
                super().__init__(*arguments, **named)
                self._first = _Waiter()
                self._joining: list[_Waiter] = []
                self._is_over = False

            def start(self) -> None:
                super().start()
                clock.begin(self._first)

            def run(self) -> None:
                clock.enter(self._first)
                try:
                    super().run()
                finally:
                    self._is_over = True
                    clock.leave(self._joining)

            def join(self, timeout: float | None = None) -> None:
                if not self._is_over:
                    clock.wait(self._joining, timeout)
                super().join(timeout)

        return VirtualThread


class VirtualEvent:
    """As :class:`threading.Event`."""

    def __init__(self, clock: VirtualTime) -> None:
        self._clock = clock
        self._is_set = False
        self._waiting: list[_Waiter] = []

    def is_set(self) -> bool:
        return self._is_set

    def set(self) -> None:
        self._is_set = True
        self._clock.notify(self._waiting)

    def clear(self) -> None:
        self._is_set = False

    def wait(self, timeout: float | None = None) -> bool:
        self._clock.wait(self._waiting, timeout, unless=self.is_set)
        return self._is_set


class VirtualCondition:
    """As :class:`threading.Condition`."""

    def __init__(self, clock: VirtualTime) -> None:
        self._clock = clock
        self._lock = threading.RLock()
        self._waiting: list[_Waiter] = []

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    def notify_all(self) -> None:
        self._clock.notify(self._waiting)

    def wait(self, timeout: float | None = None) -> None:
        self._clock.wait(self._waiting, timeout, begun=self._lock.release)
        self._lock.acquire()

    def wait_for(self, is_so: Callable[[], bool], timeout: float | None = None) -> bool:
        end = None if timeout is None else self._clock.now + timeout
        while not is_so():
            left = None if end is None else end - self._clock.now
            if left is not None and left <= 0:
                return False
            self.wait(left)
        return True


def _stand_in(module: types.ModuleType, **changed: object) -> types.SimpleNamespace:
    return types.SimpleNamespace(**{**vars(module), **changed})


def _swapped(value: Any, swap: dict[Any, Any]) -> Any:
    try:
        return swap.get(value, value)
    except TypeError:  # it cannot be hashed
        return value
