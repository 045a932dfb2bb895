"""One SIGHUP to the supervisor reaches all of them, and those that replace them."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from facilitator.testing.http import call
from facilitator.testing.waiting import eventually
from support.notices import Notices
from workers.fleet import Fleet

START = Callable[..., Fleet]

CARELESS = """
from facilitator import hookimpl

def fail(settings):
    raise LookupError("on purpose")

@hookimpl
def startup(context):
    if context.worker.index == 1:
        context.subscribe(fail)
"""


@pytest.fixture
def notices() -> Iterator[Notices]:
    with Notices() as notices:
        yield notices


@pytest.fixture
def secrets(tmp_path: Path) -> Callable[[str], None]:
    """Have one API key."""

    def write(key: str) -> None:
        (tmp_path / ".secrets.toml").write_text(f'[default.auth.api_keys]\nshop = "{key}"\n')

    return write


def read_again(fleet: Fleet, notices: Notices) -> str:
    """Have it read again; its status once all have."""
    fleet.process.send_signal(signal.SIGHUP)
    assert notices.next()["RELOADING"] == "1"
    done = notices.next()
    assert done["READY"] == "1"
    return done["STATUS"]


def each_admits(fleet: Fleet, key: str) -> set[bool]:
    return {_admits(fleet, worker, key) for worker in fleet.workers}


def _admits(fleet: Fleet, worker: int, key: str) -> bool:
    with fleet.connected(worker) as connection:
        return connection.status("POST", "/verify", {}, **{"X-API-Key": key}) == 400


def test_all_read_again_and_systemd_hears_of_it_once(
    start: START, notices: Notices, secrets: Callable[[str], None]
) -> None:
    secrets("the-first-key")
    fleet = start(NOTIFY_SOCKET=notices.address)
    assert notices.next() == {"READY": "1", "STATUS": f"listening on http://127.0.0.1:{fleet.port}"}
    assert len(fleet.workers) == 2
    assert each_admits(fleet, "the-first-key") == {True}

    secrets("the-second-key")
    assert read_again(fleet, notices) == "serving by the settings that were read again"
    assert each_admits(fleet, "the-first-key") == {False}
    assert each_admits(fleet, "the-second-key") == {True}

    fleet.kill(fleet.workers[0])
    eventually(lambda: len(fleet.workers) == 2)
    assert each_admits(fleet, "the-second-key") == {True}

    secrets("not a key")
    assert read_again(fleet, notices).startswith("serving by the former settings")
    assert each_admits(fleet, "the-second-key") == {True}
    assert fleet.terminate() == 0
    assert notices.rest() == [{"STOPPING": "1", "STATUS": "draining"}]
    assert fleet.count("settings not taken: auth.api_keys") == 1
    assert not any("-key" in line for line in fleet.lines)


def test_systemd_hears_of_a_worker_in_which_a_part_fails(
    start: START, notices: Notices, secrets: Callable[[str], None], tmp_path: Path
) -> None:
    (tmp_path / "careless.py").write_text(CARELESS)
    plugins = "blockfrost,sqlite,./careless.py"
    fleet = start(NOTIFY_SOCKET=notices.address, FACILITATOR_PLUGINS=plugins)
    assert notices.next()["READY"] == "1"
    secrets("the-first-key")
    status = "serving by the settings that were read again, but for a part that failed: see the log"
    assert read_again(fleet, notices) == status
    assert each_admits(fleet, "the-first-key") == {True}
    assert fleet.count("a part does not take the settings that were read again") == 1
    secrets("not a key")
    assert read_again(fleet, notices).startswith("serving by the former settings")


def test_nobody_waits_for_a_worker_that_ends_instead(start: START, notices: Notices) -> None:
    fleet = start(NOTIFY_SOCKET=notices.address)
    assert notices.next()["READY"] == "1"
    eventually(lambda: len(fleet.workers) == 2)
    stuck, _ = fleet.workers
    os.kill(stuck, signal.SIGSTOP)
    fleet.process.send_signal(signal.SIGHUP)
    assert notices.next()["RELOADING"] == "1"
    fleet.kill(stuck)
    assert notices.next()["READY"] == "1"
    call(fleet.port, "GET", "/health/live")
    assert read_again(fleet, notices).startswith("serving by the settings")
