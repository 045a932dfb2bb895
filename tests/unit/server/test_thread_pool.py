"""As many threads as there is work for, and no more than may be."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from facilitator.server.thread_pool import SPARE_THREADS, ElasticThreadPool
from support.waiting import eventually

MOST = SPARE_THREADS + 6


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
        assert self.released.wait(20)


@contextmanager
def running(idle_seconds: float = 60) -> Iterator[ElasticThreadPool]:
    dispatcher = ElasticThreadPool(MOST, idle_seconds=idle_seconds)
    dispatcher.start()
    try:
        yield dispatcher
    finally:
        dispatcher.stop(20)


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


def test_a_system_that_gives_no_thread_delays_only(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    held = Held()
    with running() as dispatcher:

        def refuse(*_: object) -> None:
            raise RuntimeError("can't start new thread")

        with monkeypatch.context() as patched:
            patched.setattr(dispatcher, "start_new_thread", refuse)
            for _ in range(SPARE_THREADS + 2):
                dispatcher.add_task(held.task())
            eventually(lambda: len(held.names) == SPARE_THREADS and len(dispatcher.queue) == 2)
            eventually(lambda: len(dispatcher.threads) == SPARE_THREADS)
            assert "raise the limit of processes" in caplog.text
        held.released.set()
        at_rest(dispatcher)
        assert len(held.names) == SPARE_THREADS + 2


def test_a_task_that_fails_ends_no_thread(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)
    with running() as dispatcher:
        for _ in range(MOST):
            dispatcher.add_task(Task(lambda: 1 // 0))
        at_rest(dispatcher)
        assert len(dispatcher.threads) >= SPARE_THREADS
    assert caplog.text.count("ZeroDivisionError") == MOST
    assert not dispatcher.threads
