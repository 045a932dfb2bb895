"""A watch over calls that run: it acts while they still do."""

import itertools
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

LOOK_SECONDS = 0.25
"""Interval of looks while a call runs."""

Caller: TypeAlias = Callable[[Callable[..., Any], Sequence[Any], Mapping[str, Any]], Any]
"""A function that makes a call, of a function with its arguments, and returns what that returns."""


def _do_nothing() -> None:
    """Have no effect."""


class Step(NamedTuple):
    """An act that is due when a call has run for so many seconds."""

    seconds: float
    act: Callable[[], None]
    returned: Callable[[], None] = _do_nothing
    """Called when such a call returns at last."""


class Watch:
    """One thread that watches any number of calls. It rests while none runs."""

    def __init__(self) -> None:
        """Start no thread yet."""
        self._running: dict[int, tuple[float, Sequence[Step]]] = {}
        """By number, when each call began and its steps."""
        self._taken: dict[int, int] = {}
        """The number of steps that were taken of those calls."""
        self._numbers = itertools.count()
        self._rests = True
        self._wake = threading.Event()
        self._lock = threading.Lock()
        self._looking = threading.RLock()
        self._thread: threading.Thread | None = None

    def caller(self, steps: Sequence[Step]) -> Caller:
        """Return a function whose calls are watched, by these steps in the order of their time.

        No step of a call comes after its end.
        """
        first = steps[0].seconds

        def call(
            function: Callable[..., Any], arguments: Sequence[Any], named: Mapping[str, Any]
        ) -> Any:
            number = next(self._numbers)
            began = time.monotonic()
            self._running[number] = began, steps
            if self._rests:
                self._wake_up()
            try:
                return function(*arguments, **named)
            finally:
                del self._running[number]
                took = time.monotonic() - began
                if took >= first:
                    self._end_late(steps, took)

        return call

    def _end_late(self, steps: Sequence[Step], took: float) -> None:
        with self._looking:  # a step of it may be on its way
            pass
        for step in steps:
            if took >= step.seconds:
                step.returned()

    def _wake_up(self) -> None:
        self._rests = False
        self._wake.set()
        with self._lock:
            if self._thread is None:
                thread = threading.Thread(target=self._look_on, name="plugin-watch", daemon=True)
                try:
                    thread.start()
                except (RuntimeError, MemoryError):
                    self._rests = True  # the next call tries again
                else:
                    self._thread = thread

    def _look_on(self) -> None:
        pause = threading.Event()
        while True:
            self._wake.wait()
            self._wake.clear()
            while not self._rests:
                pause.wait(LOOK_SECONDS)
                self._look()
                self._rests = True  # first, so that a call that begins now wakes it
                if self._running:
                    self._rests = False

    def _look(self) -> None:
        now = time.monotonic()
        with self._looking:
            running = list(self._running.items())
            self._taken = {number: self._taken.get(number, 0) for number, _ in running}
            for number, (began, steps) in running:
                for step in steps[self._taken[number] :]:
                    if number not in self._running or now - began < step.seconds:
                        break
                    self._taken[number] += 1
                    step.act()
