"""A watch over calls that run: it acts while they still do."""

import itertools
import threading
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

LOOK_SECONDS = 0.25
"""Interval of looks while a call runs."""


class Step(NamedTuple):
    """An act that is due when a call has run for so many seconds."""

    seconds: float
    act: Callable[[], None]


class _Running(NamedTuple):
    began: float
    steps: list[Step]


class Watch:
    """One thread that watches any number of calls. It rests while none runs."""

    def __init__(self) -> None:
        """Start no thread yet."""
        self._running: dict[int, _Running] = {}
        self._numbers = itertools.count()
        self._wake = threading.Event()
        self._lock = threading.Lock()
        self._looking = threading.RLock()
        self._thread: threading.Thread | None = None

    def begin(self, steps: Sequence[Step]) -> int:
        """Watch a call from now on; return its number for :meth:`end`."""
        number = next(self._numbers)
        self._running[number] = _Running(time.monotonic(), list(steps))
        if not self._wake.is_set():
            self._wake.set()
            self._start()
        return number

    def end(self, number: int) -> float:
        """Watch the call no longer; return the seconds that it took. No step of it comes later."""
        took = time.monotonic() - self._running.pop(number).began
        if took >= LOOK_SECONDS:
            with self._looking:  # a step of it may be on its way
                pass
        return took

    def _start(self) -> None:
        with self._lock:
            if self._thread is None:
                thread = threading.Thread(target=self._look_on, name="plugin-watch", daemon=True)
                try:
                    thread.start()
                except (RuntimeError, MemoryError):
                    self._wake.clear()  # the next call tries again
                else:
                    self._thread = thread

    def _look_on(self) -> None:
        pause = threading.Event()
        while True:
            self._wake.wait()
            pause.wait(LOOK_SECONDS)
            self._look()
            self._wake.clear()
            if self._running:
                self._wake.set()

    def _look(self) -> None:
        now = time.monotonic()
        with self._looking:
            for number, (began, steps) in list(self._running.items()):
                while number in self._running and steps and now - began >= steps[0].seconds:
                    steps.pop(0).act()
