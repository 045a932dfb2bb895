"""Whichever worker is asked, ``/metrics`` shows what all of them did."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

from facilitator.testing.http import call
from facilitator.testing.waiting import eventually
from facilitator_devnet.devnet import Devnet
from support.exposition import scrape
from workers.fleet import Fleet, payment

LIVE = "/health/live"


def served(fleet: Fleet) -> float:
    """Requests of ``/health/live`` that are counted; any worker may tell."""
    return scrape(fleet.port).value("facilitator_http_requests_total", route=LIVE)


def ask_each(fleet: Fleet, times: int) -> None:
    """Have every worker answer so often, and once more."""
    for worker in fleet.workers:
        with fleet.connected(worker) as connection:
            for _ in range(times):
                connection.call("GET", LIVE)


def start_with_metrics(start: Callable[..., Fleet], folder: Path) -> Fleet:
    (folder / "tmp").mkdir()
    return start(FACILITATOR_PLUGINS="blockfrost,sqlite,prometheus", TMPDIR=str(folder / "tmp"))


def test_workers_show_the_sum_and_a_dead_ones_counts_stay(
    start: Callable[..., Fleet], devnet: Devnet, tmp_path: Path
) -> None:
    fleet = start_with_metrics(start, tmp_path)
    assert fleet.port
    ask_each(fleet, 3)
    for worker in fleet.workers:
        with fleet.connected(worker):  # counts one, and this worker is asked next
            pass
    assert served(fleet) == 10
    # Gauges are of those that run, as they were a second ago at most.
    eventually(lambda: scrape(fleet.port)["facilitator_server_threads"] == 16)
    assert scrape(fleet.port)["facilitator_build_info"] == 1

    killed, other = fleet.workers
    os.kill(killed, signal.SIGKILL)
    eventually(lambda: fleet.said(f"worker {killed} ended by signal 9"))
    assert served(fleet) == 10
    eventually(lambda: len(fleet.workers) == 2)
    eventually(lambda: scrape(fleet.port)["facilitator_server_threads"] == 16)
    before = served(fleet)
    assert before == 10
    (replacement,) = (each for each in fleet.workers if each != other)
    with fleet.connected(replacement) as connection:
        connection.call("GET", LIVE)
    assert served(fleet) == before + 2

    body = payment(0)
    assert call(fleet.port, "POST", "/verify", body)[1]["isValid"] is True
    assert call(fleet.port, "POST", "/settle", body, {"Prefer": "wait=0"})[0] == 200
    devnet.produce_block()
    devnet.produce_block()
    states = "facilitator_settlements_total"
    eventually(lambda: scrape(fleet.port).value(states, state="settled") == 1)
    assert scrape(fleet.port).value(states, state="submitted") == 1
    assert fleet.terminate() == 0
    assert list((tmp_path / "tmp").iterdir()) == []


def test_gauges_of_a_worker_that_is_gone_are_gone(
    start: Callable[..., Fleet], tmp_path: Path
) -> None:
    fleet = start_with_metrics(start, tmp_path)
    assert fleet.port
    eventually(lambda: scrape(fleet.port)["facilitator_server_threads"] == 16)
    database = tmp_path / "facilitator.db"
    for each in tmp_path.glob("facilitator.db*"):
        each.rename(tmp_path / f"away-{each.name}")
    database.mkdir()  # so that there is no replacement
    fleet.kill(fleet.workers[0])
    assert scrape(fleet.port)["facilitator_server_threads"] == 8
