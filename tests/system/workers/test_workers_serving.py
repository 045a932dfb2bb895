"""Several workers serve as one: any of them takes up what another began or left."""

import http.client
import os
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from facilitator.testing.http import call
from facilitator.testing.payments import transaction_id
from facilitator.testing.waiting import eventually
from facilitator_devnet.devnet import Devnet
from workers.fleet import Fleet, payment

Body = dict[str, Any]
PENDING = "settlement_pending"
DUPLICATE = "duplicate_settlement"


def settle(port: int, body: Body) -> Body:
    status, answer = call(port, "POST", "/settle", body, {"Prefer": "wait=1"})
    assert status == 200, answer
    return dict(answer)


def settles_once(fleet: Fleet, devnet: Devnet, body: Body) -> None:
    """Assert that the payment, sent or about to be, is settled, told once and made once."""
    told: list[Body] = []

    def is_settled() -> bool:
        devnet.produce_block()
        told.append(settle(fleet.port, body))
        assert told[-1]["success"] or told[-1]["errorReason"] == PENDING, told[-1]
        return bool(told[-1]["success"])

    eventually(is_settled)
    for worker in fleet.workers:
        with fleet.connected(worker) as connection:
            assert connection.call("POST", "/settle", body)["errorReason"] == DUPLICATE
    with devnet.chain() as chain:
        made = [each for block in chain.blocks[1:] for each in block.block.transactions]
    assert made.count(transaction_id(body)) == 1


def test_every_worker_answers_on_the_one_port(start: Callable[..., Fleet]) -> None:
    fleet = start(FACILITATOR_SERVER__WORKERS="3")
    assert fleet.port
    assert len(set(fleet.workers)) == 3
    for worker in fleet.workers:
        with fleet.connected(worker) as connection:
            connection.call("GET", "/supported", **{"X-Request-ID": f"of-{worker}"})
        line = f'"pid":{worker},'
        eventually(lambda line=line, worker=worker: answered(fleet, line, f"of-{worker}"))  # type: ignore[misc]


def answered(fleet: Fleet, pid: str, request_id: str) -> bool:
    return any(pid in line and request_id in line for line in list(fleet.lines))


def test_what_one_verified_and_submitted_another_settles(
    start: Callable[..., Fleet], devnet: Devnet
) -> None:
    fleet = start()
    assert fleet.port
    first, second = fleet.workers
    body = payment(0)
    with fleet.connected(first) as one, fleet.connected(second) as other:
        assert one.call("POST", "/verify", body)["isValid"] is True
        rival = other.call("POST", "/settle", body, Prefer="wait=0")
        assert rival["errorReason"] == PENDING
        assert one.call("POST", "/settle", body, Prefer="wait=0")["errorReason"] == PENDING
    settles_once(fleet, devnet, body)


def test_a_killed_worker_is_replaced_and_loses_nothing(
    start: Callable[..., Fleet], devnet: Devnet
) -> None:
    fleet = start()
    assert fleet.port
    killed, other = fleet.workers
    body = payment(0)

    def settle_and_be_cut_off() -> None:
        with suppress(OSError, http.client.HTTPException), fleet.connected(killed) as connection:
            connection.call("POST", "/settle", body)

    with ThreadPoolExecutor(1) as pool:
        cut_off = pool.submit(settle_and_be_cut_off)
        eventually(lambda: fleet.said("settlement submitted"))
        fleet.kill(killed)
        assert call(fleet.port, "POST", "/verify", payment(1))[1]["isValid"] is True
        cut_off.result(60)
    eventually(lambda: len(fleet.workers) == 2)
    assert other in fleet.workers
    settles_once(fleet, devnet, body)
    assert fleet.terminate() == 0


def test_a_worker_that_is_told_to_stop_is_replaced(start: Callable[..., Fleet]) -> None:
    fleet = start()
    assert fleet.port
    told, other = fleet.workers
    with fleet.connected(other) as connection:
        os.kill(told, signal.SIGTERM)
        eventually(lambda: fleet.said(f"worker {told} ended with exit code 0"))
        connection.call("GET", "/health")
        eventually(lambda: len(fleet.workers) == 2)
    assert told not in fleet.workers


WITH_SHORT_LIVES = """
import sys
from facilitator.cli import main
from facilitator.server.workers import worker_slot

worker_slot.STEADY_SECONDS = 3600.0
sys.exit(main(["serve"]))
"""
"""A busy machine may take a minute for a start or two."""


def test_who_dies_again_and_again_is_replaced_after_growing_pauses(
    start: Callable[..., Fleet],
) -> None:
    fleet = start(program=("-c", WITH_SHORT_LIVES))
    assert fleet.port
    steady = fleet.workers[0]
    for pause in ("0.5", "1.0", "2.0"):
        (unlucky,) = (each for each in fleet.workers if each != steady)
        fleet.kill(unlucky)
        assert fleet.said(f"worker {unlucky} ended by signal 9; the next one starts in {pause} s")
        assert call(fleet.port, "GET", "/health/live")[0] == 200
        eventually(lambda: len(fleet.workers) == 2)
    # The other place has a count of its own.
    fleet.kill(steady)
    assert fleet.said(f"worker {steady} ended by signal 9; the next one starts in 0.5 s")


def test_a_replacement_that_cannot_start_is_tried_again(
    start: Callable[..., Fleet], tmp_path: Path
) -> None:
    fleet = start()
    assert fleet.port
    database = tmp_path / "facilitator.db"
    for each in tmp_path.glob("facilitator.db*"):
        each.rename(tmp_path / f"away-{each.name}")
    database.mkdir()
    fleet.kill(fleet.workers[0])
    eventually(lambda: fleet.said("cannot start: "))
    assert call(fleet.port, "GET", "/health/live")[0] == 200
    database.rmdir()
    for each in tmp_path.glob("away-*"):
        each.rename(tmp_path / each.name.removeprefix("away-"))
    eventually(lambda: len(fleet.workers) == 2)
    assert fleet.terminate() == 0


@pytest.mark.skipif(os.cpu_count() == 1, reason="needs two cores")
def test_workers_may_keep_to_a_core_each(start: Callable[..., Fleet], devnet: Devnet) -> None:
    every = sorted(os.sched_getaffinity(0))
    fleet = start(FACILITATOR_SERVER__PIN_WORKERS="true")
    settles_once(fleet, devnet, payment(0))
    cores = [os.sched_getaffinity(worker) for worker in fleet.workers]
    assert sorted(map(sorted, cores)) == [[core] for core in every[:2]]
    assert sorted(os.sched_getaffinity(fleet.process.pid)) == every
