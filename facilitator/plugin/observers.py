"""Observers: each plugin's calls wait in a queue of its own and run in a thread of its own.

Whatever an observer does, the request or settlement that it observes has gone on.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from contextvars import copy_context
from functools import partial
from typing import Any, NamedTuple

from facilitator.plugin.faults import PluginFaults
from facilitator.plugin.time_limits import TookTooLong
from facilitator.plugin.watch import Step, Watch
from facilitator.settings import HookSettings

FAULTS_IN_A_ROW = 100
"""As many switch a plugin off, for observers."""
HANGS_TIMES = 30
"""A call that takes as many times the time limit switches the plugin off, for observers."""


MOST_BYTES = 16 * 2**20
"""Bytes of requests that wait in one queue: as objects they take some ten times as many."""


class _Call(NamedTuple):
    hook: str
    make: Callable[[], Any]
    size: int


class ObserverQueue:
    """The calls of one plugin, made in their order. Safe to use from many threads."""

    def __init__(
        self, plugin: str, faults: PluginFaults, watch: Watch, limits: HookSettings
    ) -> None:
        """Start no thread yet."""
        self._plugin = plugin
        self._faults = faults
        self._watch = watch
        self._limits = limits
        self._changed = threading.Condition()
        self._calls: deque[_Call] = deque()
        self._size = 0
        self._has_thread = False
        self._running: str | None = None
        self._is_off = False
        self._is_given_up = False
        self._in_a_row = 0

    def offer(self, hook: str, make: Callable[[], Any], size: int = 0) -> None:
        """Have the call, of ``size`` bytes, made later.

        Never waits: a call that finds the queue full is dropped.
        """
        call = _Call(hook, partial(copy_context().run, make), size)
        with self._changed:
            has_room = len(self._calls) < self._limits.observer_queue
            is_taken = not self._is_off and has_room and self._size + size <= MOST_BYTES
            if is_taken:
                self._calls.append(call)
                self._size += size
                self._start_thread()
                self._changed.notify_all()
        if not is_taken:
            self._faults.dropped(self._plugin, hook)

    def wait_until_empty(self, seconds: float) -> bool:
        """Return True once every call was made; False if that takes longer, or none is made."""
        deadline = time.monotonic() + seconds
        with self._changed:
            while (self._calls or self._running) and not self._is_off:
                if not self._changed.wait(max(0.0, deadline - time.monotonic())):
                    return False
            return not self._is_off

    def end(self, seconds: float) -> None:
        """Wait until every call was made, once, and report it if that takes longer."""
        if self._is_given_up:
            return
        self._is_given_up = not self.wait_until_empty(seconds)
        if self._is_given_up and (hook := self._running) is not None:
            error = TookTooLong("it does not return, and the process ends")
            self._faults.hangs(error, self._plugin, hook)

    def _start_thread(self) -> None:
        if not self._has_thread:
            name = f"observer-{self._plugin}"
            try:
                threading.Thread(target=self._work, name=name, daemon=True).start()
            except (RuntimeError, MemoryError):
                return  # the next call tries again
            self._has_thread = True

    def _work(self) -> None:
        while True:
            with self._changed:
                self._running = None
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._calls)
                call = self._calls.popleft()
                self._size -= call.size
                self._running = call.hook
            self._make(call)
            del call

    def _make(self, call: _Call) -> None:
        limit = self._limits.observer_seconds
        returned = partial(self._faults.returned, self._plugin, call.hook)
        steps = (
            Step(limit, partial(self._hangs, call.hook), returned),
            Step(limit * HANGS_TIMES, partial(self._switch_off, call.hook)),
        )
        is_fault = False
        began = time.monotonic()
        try:
            self._watch.caller(steps)(call.make, (), {})
        except BaseException as error:
            is_fault = True
            self._faults.failed(error, self._plugin, call.hook)
        is_fault |= time.monotonic() - began > limit
        self._in_a_row = self._in_a_row + 1 if is_fault else 0
        if self._in_a_row >= FAULTS_IN_A_ROW:
            self._switch_off(call.hook)

    def _hangs(self, hook: str) -> None:
        error = TookTooLong(f"it takes longer than {self._limits.observer_seconds:g} s")
        self._faults.hangs_on(self._plugin, hook)
        self._faults.hangs(error, self._plugin, hook)

    def _switch_off(self, hook: str) -> None:
        with self._changed:
            if self._is_off:
                return
            self._is_off = True
            self._calls.clear()
            self._size = 0
            self._changed.notify_all()
        self._faults.switched_off(self._plugin, hook)
