"""Races: calls that run at the same time, round after round, until a lost one shows.

One round proves little. The threads of a race are started once, and each makes a call beforehand,
so that none is late for its first connection. During a call its thread pauses now and then between
two lines of the code under test. So even a gap of one line between a look and a change is wide
enough for another thread.
"""

import random
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

Result = TypeVar("Result")

_FEWEST_ROUNDS, _MOST_ROUNDS = 16, 40
_CPU_SECONDS = 0.15
"""The time after which a race ends. The slower a part is, the wider are its gaps."""
_PAUSES = 6
"""Pauses in one call at most, so that a call through much code stays quick."""
_LONGEST_PAUSE = 0.000_4
_SWITCH_INTERVAL = 0.000_01
_SETTING = threading.Lock()


def rounds() -> Iterator[int]:
    """Yield the numbers of a race's rounds. Each catches a select-then-write by some chance."""
    start = time.process_time()
    for number in range(_MOST_ROUNDS):
        if number >= _FEWEST_ROUNDS and time.process_time() - start > _CPU_SECONDS:
            return
        yield number


class Racetrack:
    """Threads that make calls at the same time."""

    def __init__(self, pool: ThreadPoolExecutor, code: tuple[str, ...]) -> None:
        """Race in the threads of the pool; pause in the code of files that begin so."""
        self._pool = pool
        self._code = code

    def warm_up(self, calls: Sequence[Callable[[], object]]) -> None:
        """Make each call in a thread of its own. No thread makes two of them."""
        ready = threading.Barrier(len(calls))

        def run(call: Callable[[], object]) -> None:
            call()
            ready.wait()

        list(self._pool.map(run, calls))

    def together(self, calls: Sequence[Callable[[], Result]]) -> list[Result]:
        """Make each call in a thread of its own, none before all are ready.

        Return the results in order. Raises the error of the first call that failed.
        """
        start = threading.Barrier(len(calls))

        def run(call: Callable[[], Result]) -> Result:
            start.wait()
            with _pausing(self._code):
                return call()

        return list(self._pool.map(run, calls))


@contextmanager
def racetrack(threads: int, part: object) -> Iterator[Racetrack]:
    """Yield so many threads for calls of the part; they switch often until the end of the block."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_INTERVAL)
    try:
        with ThreadPoolExecutor(threads) as pool:
            yield Racetrack(pool, _code_of(part))
    finally:
        sys.setswitchinterval(interval)


def _code_of(part: object) -> tuple[str, ...]:
    """Return the folder of the package of each of the part's classes, or the module's file."""
    found = set()
    for each in type(part).__mro__:
        module = sys.modules.get(each.__module__)
        file = getattr(module, "__file__", None)
        if file is not None:
            is_in_package = bool(getattr(module, "__package__", ""))
            found.add(str(Path(file).parent) if is_in_package else file)
    return tuple(found)


@contextmanager
def _pausing(code: tuple[str, ...]) -> Iterator[None]:
    """Pause the thread between some lines of the block; not under a debugger or a coverage tool."""
    if sys.gettrace() is not None:
        yield
        return
    _trace(_Pauses(code).enter)
    try:
        yield
    finally:
        _trace(None)


def _trace(function: Callable[[FrameType, str, Any], Any] | None) -> None:
    """Set this thread's trace function: Python 3.11 refuses it while another thread sets its own.

    That is seen where an audit hook, which cannot be taken away, lets threads run in between.
    """
    with _SETTING:
        sys.settrace(function)


class _Pauses:
    """The pauses of one call. Some calls pause at every line, others at few, some within lines."""

    def __init__(self, code: tuple[str, ...]) -> None:
        self._code = code
        self._chance: float = 10.0 ** -random.uniform(0, 1.5)  # noqa: S311
        self._within_lines = random.random() < 0.5  # noqa: S311
        self._left = _PAUSES

    def enter(self, frame: FrameType, event: str, argument: Any) -> Any:  # noqa: ARG002
        """Return the function that sees the lines of the frame; ``None`` to see none of them."""
        is_seen = self._left > 0 and frame.f_code.co_filename.startswith(self._code)
        frame.f_trace_opcodes = is_seen and self._within_lines
        return self._line if is_seen else None

    def _line(self, frame: FrameType, event: str, argument: Any) -> Any:  # noqa: ARG002
        if event in ("line", "opcode") and random.random() < self._chance:  # noqa: S311
            self._left -= 1
            time.sleep(random.uniform(0, _LONGEST_PAUSE))  # noqa: S311
        return self._line if self._left > 0 else None
