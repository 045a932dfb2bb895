"""As many threads as there is work for, and no more than may be."""

import io
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from facilitator.observability.logs import configure_logging
from facilitator.server import thread_pool
from facilitator.server.thread_pool import SPARE_THREADS, ElasticThreadPool
from facilitator.server.turns import STALL_SECONDS
from facilitator.settings import LogSettings
from facilitator.testing.waiting import eventually

MOST = SPARE_THREADS + 12


class Task:
    """Calls a function."""

    def __init__(self, done: Callable[[], object]) -> None:
        self._done = done

    def service(self) -> None:
        self._done()

    def cancel(self) -> None:
        """Nothing to undo."""


class Held:
    """Tasks that wait in their threads until they are let go."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.released = threading.Event()

    def task(self) -> Task:
        return Task(self._wait)

    def _wait(self) -> None:
        self.names.append(threading.current_thread().name)
        assert self.released.wait(60)


class Pool(ElasticThreadPool):
    """A pool of a system that gives so many threads."""

    given = MOST
    error: BaseException = RuntimeError("can't start new thread")

    def start_new_thread(self, target: Callable[[int], None], thread_no: int) -> None:
        running = len(self.threads) - self._starting
        if self._starting and running >= self.given:
            raise self.error
        start: Any = super().start_new_thread
        start(target, thread_no)


@contextmanager
def running(
    idle_seconds: float = 60, on_limit: Callable[[int], None] = lambda _: None
) -> Iterator[Pool]:
    dispatcher = Pool(MOST, idle_seconds=idle_seconds, on_limit=on_limit)
    dispatcher.start()
    ended = threading.Event()
    event_loop = threading.Thread(target=look_on, args=(dispatcher, ended))
    event_loop.start()
    try:
        yield dispatcher
    finally:
        dispatcher.stop(20)
        ended.set()
        event_loop.join()


def look_on(dispatcher: Pool, ended: threading.Event) -> None:
    """Look at the tasks as the event loop does."""
    while not ended.wait(STALL_SECONDS):
        dispatcher.look()


def at_rest(dispatcher: ElasticThreadPool) -> None:
    eventually(lambda: not dispatcher.active_count and not dispatcher.queue)


def test_threads_come_with_the_work_and_go_after_it() -> None:
    held = Held()
    with running(idle_seconds=0.05) as dispatcher:
        for _ in range(MOST + 5):
            dispatcher.add_task(held.task())
        eventually(lambda: len(held.names) == MOST)
        assert len(dispatcher.threads) == MOST
        assert len(dispatcher.queue) == 5
        held.released.set()
        at_rest(dispatcher)
        assert len(held.names) == MOST + 5
        eventually(lambda: len(dispatcher.threads) == SPARE_THREADS)
        held.released.clear()
        for _ in range(MOST):
            dispatcher.add_task(held.task())
        eventually(lambda: len(held.names) == MOST + 5 + MOST)
        held.released.set()


def test_one_is_always_idle_below_the_limit() -> None:
    held = Held()
    with running() as dispatcher:
        for busy in range(1, MOST + 1):
            dispatcher.add_task(held.task())
            eventually(lambda: len(held.names) == busy)  # noqa: B023 - called at once
            expected = min(max(busy + 1, SPARE_THREADS), MOST)
            eventually(lambda: len(dispatcher.threads) == expected)  # noqa: B023
        held.released.set()


def test_the_thread_that_was_busy_last_is_next() -> None:
    held = Held()
    held.released.set()
    with running() as dispatcher:
        for _ in range(10):
            dispatcher.add_task(held.task())
            at_rest(dispatcher)
        assert len(held.names) == 10
    assert len(set(held.names)) == 1


@pytest.mark.parametrize("error", [Pool.error, MemoryError()], ids=["processes", "memory"])
def test_a_system_that_gives_fewer_threads_delays_only(
    error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    """The log says so, also right after waitress' own warning of which it holds one a second."""
    configure_logging(LogSettings(), stream=io.StringIO())
    logging.getLogger("waitress.queue").warning("Task queue depth is 9")
    held = Held()
    with running() as dispatcher:
        dispatcher.given, dispatcher.error = SPARE_THREADS, error
        for _ in range(SPARE_THREADS + 2):
            dispatcher.add_task(held.task())
        eventually(lambda: len(held.names) == SPARE_THREADS and len(dispatcher.queue) == 2)
        eventually(lambda: len(dispatcher.threads) == SPARE_THREADS)
        eventually(lambda: caplog.text.count("raise the limit of processes") == 1)
        held.released.set()
        at_rest(dispatcher)
        assert len(held.names) == SPARE_THREADS + 2


def test_some_threads_are_given_back_where_there_are_no_more() -> None:
    """Other parts of the process need threads, too."""
    held, given = Held(), MOST - 1
    limits: list[int] = []
    with running(on_limit=limits.append) as dispatcher:
        dispatcher.given = given
        for _ in range(MOST + 5):
            dispatcher.add_task(held.task())
        eventually(lambda: limits)
        assert limits == [given - 8] == [dispatcher.limit]
        eventually(lambda: len(held.names) == given)
        held.released.set()
        at_rest(dispatcher)
        eventually(lambda: len(dispatcher.threads) == given - 8)
        assert len(held.names) == MOST + 5
    assert limits == [given - 8]


def test_more_threads_are_tried_again_later() -> None:
    limits: list[int] = []
    with running(on_limit=limits.append) as dispatcher:
        dispatcher.given = SPARE_THREADS + 1
        fill(dispatcher, SPARE_THREADS + 1)
        assert limits == [SPARE_THREADS]
        dispatcher.given = MOST
        fill(dispatcher, SPARE_THREADS)  # it is too soon to ask again
        for count in range(SPARE_THREADS + 1, MOST + 1):
            later(dispatcher)
            fill(dispatcher, count)
        assert limits == [*range(SPARE_THREADS, MOST + 1)]
        assert dispatcher.limit == MOST


def test_a_retry_that_fails_changes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    limits: list[int] = []
    with running(on_limit=limits.append) as dispatcher:
        dispatcher.given = SPARE_THREADS + 10
        fill(dispatcher, SPARE_THREADS + 10)
        assert limits == [SPARE_THREADS + 2]
        dispatcher.given = SPARE_THREADS + 2
        for _ in range(2):
            later(dispatcher)
            fill(dispatcher, SPARE_THREADS + 2)
        assert limits == [SPARE_THREADS + 2]
        assert caplog.text.count("no further thread can start") == 1


def test_room_in_memory_is_left_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread that starts with the last memory may hang its starter, and what comes next fails."""
    limits: list[int] = []
    monkeypatch.setattr(thread_pool, "RESERVED_BYTES", 1 << 62)
    with running(on_limit=limits.append) as dispatcher:
        fill(dispatcher, SPARE_THREADS)
        assert limits == [SPARE_THREADS]


def test_a_limit_that_cannot_be_applied_ends_no_thread(caplog: pytest.LogCaptureFixture) -> None:
    def fail(_: int) -> None:
        raise ValueError("no")

    with running(on_limit=fail) as dispatcher:
        dispatcher.given = SPARE_THREADS + 1
        fill(dispatcher, SPARE_THREADS + 1)
        fill(dispatcher, SPARE_THREADS)
    assert "could not be applied" in caplog.text


def later(pool: ElasticThreadPool) -> None:
    """Have the time be over for which the system is not asked again."""
    pool._retry_at = 0.0


def fill(pool: ElasticThreadPool, count: int) -> None:
    """Have exactly so many threads work at once, with a task left over; then let all go."""
    held = Held()
    for _ in range(count + 1):
        pool.add_task(held.task())
    eventually(lambda: len(held.names) == count and not pool._starting)
    assert len(pool.queue) == 1
    held.released.set()
    at_rest(pool)
    assert len(held.names) == count + 1


def test_a_task_that_fails_ends_no_thread(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)
    with running() as dispatcher:
        for _ in range(MOST):
            dispatcher.add_task(Task(lambda: 1 // 0))
        at_rest(dispatcher)
        assert len(dispatcher.threads) >= SPARE_THREADS
    assert caplog.text.count("ZeroDivisionError") == MOST
    assert not dispatcher.threads
