"""Few requests work at once, in the order in which they came. All is counted, nothing is timed."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import pytest

from facilitator.api import application
from facilitator.pauses import pausing
from facilitator.server import Server, turns
from facilitator.server.thread_pool import BUSY_SECONDS, REST_SECONDS, ElasticThreadPool
from facilitator.server.turns import AT_ONCE, BLOCKED_SECONDS, STALL_SECONDS, Turns
from facilitator.testing.waiting import eventually
from facilitator.x402.messages import PaymentRequest, VerifyResponse
from support.web import NETWORK, Client, ScriptedService, payment, read_answer, settings

TASKS = 20


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """No thread counts as one that takes long, however busy the machine is."""
    monkeypatch.setattr(turns, "STALL_SECONDS", 3600.0)


class Pool(ElasticThreadPool):
    """A pool that counts how often a thread is woken for a task."""

    wakes = 0

    def __init__(self) -> None:
        super().__init__(100)
        notify = self.queue_cv.notify

        def counted(n: int = 1) -> None:
            self.wakes += 1
            notify(n)

        self.queue_cv.notify = counted  # type: ignore[method-assign]


class Task:
    """Calls a function."""

    def __init__(self, service: Callable[[], object]) -> None:
        self.service = service

    def cancel(self) -> None:
        """Nothing to undo."""


@contextmanager
def running() -> Iterator[Pool]:
    pool = Pool()
    pool.start()
    try:
        yield pool
    finally:
        pool.stop(20)


def at_rest(pool: ElasticThreadPool) -> None:
    eventually(lambda: not pool.active_count and not pool.queue)


def test_a_thread_that_works_takes_what_comes_meanwhile() -> None:
    began, go_on = threading.Event(), threading.Event()
    served: list[tuple[int, str]] = []

    def first() -> None:
        began.set()
        assert go_on.wait(60)

    def serve(number: int) -> None:
        served.append((number, threading.current_thread().name))

    with running() as pool:
        pool.add_task(Task(first))
        assert began.wait(60)
        for number in range(TASKS):
            pool.add_task(Task(partial(serve, number)))
        assert len(pool.queue) == TASKS
        go_on.set()
        at_rest(pool)
        assert [number for number, _ in served] == [*range(TASKS)]
        assert len({name for _, name in served}) == 1
        assert pool.wakes == 1


def test_a_pause_lets_the_next_begin() -> None:
    second, noticed = threading.Event(), threading.Event()

    def first() -> None:
        with pausing():
            if second.wait(60):
                noticed.set()

    with running() as pool:
        pool.add_task(Task(first))
        pool.add_task(Task(second.set))
        at_rest(pool)
        assert noticed.is_set()


def test_one_that_was_paused_leaves_what_is_next_to_the_other() -> None:
    began, resumed, go_on = threading.Event(), threading.Event(), threading.Event()

    def first() -> None:
        with pausing():
            assert began.wait(60)
        resumed.set()

    def second() -> None:
        began.set()
        assert go_on.wait(60)

    with running() as pool:
        for service in (first, second, lambda: None):
            pool.add_task(Task(service))
        assert resumed.wait(60)
        eventually(lambda: pool.active_count == 1)
        assert len(pool.queue) == 1
        go_on.set()
        at_rest(pool)


def test_one_that_takes_long_lets_the_next_begin() -> None:
    second, noticed = threading.Event(), threading.Event()

    def first() -> None:
        if second.wait(60):
            noticed.set()

    with running() as pool:
        pool.add_task(Task(first))
        pool.add_task(Task(second.set))

        def is_over() -> bool:
            pool.look()
            return not pool.active_count and not pool.queue

        eventually(is_over)
        assert noticed.is_set()


@pytest.mark.usefixtures("patient")
def test_few_go_on_at_once_and_the_first_come_first() -> None:
    lock = threading.Lock()
    all_turns = Turns(lock, lambda: None)
    went_on: list[int] = []

    def resume(number: int) -> None:
        all_turns.of(number).resume()
        went_on.append(number)

    numbers = range(AT_ONCE + TASKS)
    threads = [threading.Thread(target=resume, args=(number,)) for number in numbers]
    for number, thread in zip(numbers, threads, strict=True):
        thread.start()
        waiting = max(0, number + 1 - AT_ONCE)
        eventually(lambda: len(all_turns._resuming) == waiting)  # noqa: B023 - called at once
    eventually(lambda: len(went_on) == AT_ONCE)
    for number in numbers[:TASKS]:
        with lock:
            all_turns.look(has_tasks=True)
            all_turns.end(number)
        eventually(lambda: len(went_on) == AT_ONCE + number + 1)  # noqa: B023
    for thread in threads:
        thread.join()
    assert went_on[AT_ONCE:] == [*numbers[AT_ONCE:]]


def test_nobody_waits_for_ever_to_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "LONGEST_SECONDS", 0.01)
    all_turns = Turns(threading.Lock(), lambda: None)
    for number in range(AT_ONCE + 1):
        all_turns.resume(number)
    assert not all_turns.are_awaited


def test_the_event_loop_looks_often_only_while_something_waits() -> None:
    began, go_on = threading.Event(), threading.Event()

    def first() -> None:
        began.set()
        assert go_on.wait(60)

    with running() as pool:
        assert pool.look() == REST_SECONDS
        pool.add_task(Task(first))
        assert began.wait(60)
        assert pool.look() == BUSY_SECONDS
        with pool.lock:
            pool.queue.append(Task(lambda: None))
            pool._turns._seen_at = float("inf")  # it has just begun
        assert pool.look() == STALL_SECONDS
        go_on.set()
        at_rest(pool)
        assert pool.look() == REST_SECONDS


@pytest.mark.usefixtures("patient")
def test_requests_that_come_meanwhile_are_answered_in_order_by_one_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten threads that could all run took the interpreter from each other, by chance."""
    entered, go_on = threading.Event(), threading.Event()
    names: list[str] = []

    def verify(_: PaymentRequest) -> VerifyResponse:
        names.append(threading.current_thread().name)
        entered.set()
        assert go_on.wait(60)
        return VerifyResponse(True)

    pool = Pool()
    monkeypatch.setattr("facilitator.server.http_server.ElasticThreadPool", lambda *_, **__: pool)
    loaded = settings(tmp_path)
    app = application(ScriptedService(on_verify=verify), settings=loaded)
    body = json.dumps(payment()).encode()
    head = b"POST /verify HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    request = b"%sContent-Length: %d\r\n\r\n%s" % (head, len(body), body)
    with Server(app, loaded.server, network=NETWORK) as server, ExitStack() as stack:
        client = Client(server.port)
        connections = [stack.enter_context(client.connect()) for _ in range(TASKS)]
        connections[0].sendall(request)
        assert entered.wait(60)
        for number, each in enumerate(connections[1:], 1):
            each.sendall(request)
            eventually(lambda: len(pool.queue) == number)  # noqa: B023
        arrived = [task.socket.getpeername() for task in pool.queue]
        assert arrived == [each.getsockname() for each in connections[1:]]
        go_on.set()
        for each in connections:
            assert read_answer(each).status == 200
        assert len(names) == TASKS
        assert len(set(names)) == 1
        assert pool.wakes == 1


def test_one_that_blocks_keeps_no_task_waiting_though_others_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each turn to go on is a sign of work, but none of them begins a task."""
    woken: list[float] = []
    now = [1000.0]
    monkeypatch.setattr("facilitator.server.turns.time.monotonic", lambda: now[0])
    lock = threading.Lock()
    all_turns = Turns(lock, lambda: woken.append(now[0]))
    with lock:
        all_turns.begin(0)  # it waits for something, and does not pause
    while not woken and now[0] < 1000.0 + 10 * BLOCKED_SECONDS:
        now[0] += STALL_SECONDS
        all_turns.resume(1)
        with lock:
            all_turns.end(1)
            all_turns.look(has_tasks=True)
    assert woken
