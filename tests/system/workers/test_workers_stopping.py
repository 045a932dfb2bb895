"""The end: all workers stop together, in time, and none is left over."""

import os
import signal
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from facilitator.testing.http import call
from facilitator.testing.waiting import eventually
from workers.fleet import Fleet, payment


def is_refused(port: int) -> bool:
    try:
        call(port, "GET", "/health/live")
    except ConnectionRefusedError:
        return True
    except OSError:  # a connection that came in the moment of closing
        return False
    return False


def test_waiting_settlements_on_every_worker_are_answered(start: Callable[..., Fleet]) -> None:
    fleet = start()
    port = fleet.port
    with ThreadPoolExecutor(2) as pool, ExitStack() as stack:
        connections = [stack.enter_context(fleet.connected(each)) for each in fleet.workers]
        waiting = [
            pool.submit(connection.call, "POST", "/settle", payment(number))
            for number, connection in enumerate(connections)
        ]
        eventually(lambda: fleet.count("settlement submitted") == 2)
        assert fleet.terminate() == 0
        answers = [each.result(60) for each in waiting]
    assert [answer["errorReason"] for answer in answers] == ["settlement_pending"] * 2
    assert is_refused(port)
    assert fleet.count('"stopped"') == 3


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_all_of_them_as_from_a_terminal(
    start: Callable[..., Fleet], number: signal.Signals
) -> None:
    fleet = start()
    assert fleet.port
    supervisor = fleet.process.pid
    os.kill(supervisor, signal.SIGSTOP)  # so that it learns of all at once
    for pid in (*fleet.workers, supervisor):
        os.kill(pid, number)
    eventually(lambda: fleet.count('"stopped"') == 2)
    os.kill(supervisor, signal.SIGCONT)
    assert fleet.wait() == 0
    assert not fleet.said("Traceback")
    assert not fleet.said("the next one starts")


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs /proc to see the worker")
def test_a_signal_before_any_worker_is_ready(start: Callable[..., Fleet], tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "facilitator.db")) as locked:
        locked.execute("BEGIN EXCLUSIVE")
        fleet = start()
        pid = fleet.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children")
        eventually(children.read_text)
        assert fleet.terminate() == 0
    assert fleet.workers == []


def test_a_worker_that_does_not_stop_is_killed(start: Callable[..., Fleet]) -> None:
    fleet = start(FACILITATOR_SERVER__SHUTDOWN_SECONDS="0")
    assert fleet.port
    stuck, _ = fleet.workers
    os.kill(stuck, signal.SIGSTOP)
    assert fleet.terminate() == 0
    assert fleet.said(f"worker {stuck} did not stop in time and is killed")
    assert fleet.count("did not stop in time") == 1


def test_workers_end_when_their_supervisor_is_killed(start: Callable[..., Fleet]) -> None:
    """Each by itself: one that hangs does not keep the other."""
    fleet = start()
    port, (first, second) = fleet.port, fleet.workers
    os.kill(second, signal.SIGSTOP)
    fleet.process.kill()
    eventually(lambda: fleet.ended_orderly(first))
    os.kill(second, signal.SIGCONT)
    assert fleet.wait() == -signal.SIGKILL  # nobody has the log open any more
    assert fleet.ended_orderly(second)
    assert is_refused(port)
