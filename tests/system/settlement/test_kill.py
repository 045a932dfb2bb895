"""A facilitator killed in the middle of a settlement ends it rightly after a restart.

A plugin of a few lines stands in for the devnet and kills its own process with SIGKILL at the
point that the test names, once.
"""

import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest

from facilitator.cardano.slots import KNOWN_ERAS
from facilitator.testing.http import call
from facilitator.testing.payments import (
    ALICE,
    MERCHANT,
    genesis_utxos,
    request_body,
    requirements,
    transaction_id,
)
from facilitator.testing.running import NETWORK
from facilitator_devnet.genesis import PARAMETERS
from facilitator_devnet.wallet import pay
from support.process import ServeProcess

PLUGIN = '''
    """The devnet, in a process that kills itself where it is told to."""

    import os
    import signal
    from pathlib import Path

    from facilitator import hookimpl
    from facilitator_devnet import DevnetSettings, settings_sections
    from facilitator_devnet.devnet import Devnet

    def die(point):
        trap = Path("trap")
        if trap.exists() and trap.read_text() == point:
            trap.unlink()
            os.kill(os.getpid(), signal.SIGKILL)

    class Deadly(Devnet):
        def outputs(self, refs):
            die("while verifying")
            return super().outputs(refs)

        def submit(self, transaction):
            die("before submission")
            taken = super().submit(transaction)
            die("after submission")
            return taken

        def blocks_after(self, point):
            blocks = super().blocks_after(point)
            if any(block.transactions for block in blocks):
                die("after inclusion")
            return blocks

    @hookimpl
    def chain_provider(context, network):
        return Deadly(network, context.clock, block_seconds=0.2, path="chain.db")

    @hookimpl
    def settlement_changed(claim):
        if claim.state == "settled":
            die("after settling")
'''
POINTS = (
    "while verifying",
    "before submission",
    "after submission",
    "after inclusion",
    "after settling",
)


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[[], ServeProcess]]:
    """Start the facilitator (again) over the same files."""
    package = tmp_path / "site"
    (package / "deadly-1.dist-info").mkdir(parents=True)
    (package / "deadly.py").write_text(textwrap.dedent(PLUGIN))
    (package / "deadly-1.dist-info/METADATA").write_text("Name: deadly\nVersion: 1\n")
    (package / "deadly-1.dist-info/entry_points.txt").write_text(
        "[facilitator.plugins]\ndeadly = deadly\n"
    )
    started = []

    def start() -> ServeProcess:
        process = ServeProcess(
            tmp_path,
            {
                "PYTHONPATH": str(package),
                "FACILITATOR_PLUGINS": "deadly,sqlite",
                "FACILITATOR_SETTLEMENT__LEASE_SECONDS": "1",
            },
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.close()


def payment() -> dict[str, Any]:
    terms = requirements()
    slot = KNOWN_ERAS[NETWORK].slot_at(int(time.time() * 1000))
    transaction = pay(
        ALICE,
        dict(list(genesis_utxos(ALICE).items())[:1]),
        MERCHANT.address,
        2_000_000,
        parameters=PARAMETERS,
        ttl=slot + 300,
    )
    return request_body(transaction, terms)


@pytest.mark.parametrize("point", POINTS)
def test_a_killed_settlement_is_resumed_and_delivered_once(
    serve: Callable[[], ServeProcess], tmp_path: Path, point: str
) -> None:
    body = payment()
    (tmp_path / "trap").write_text(point)
    process = serve()
    # Killed after settling, it may have told its caller already: the key gets that answer again.
    key = {"Idempotency-Key": "order-66"}
    with suppress(OSError, HTTPException):
        call(process.port, "POST", "/settle", body, key)
    assert process.wait() == -9

    port = serve().port
    answers = [settle_to_the_end(port, body, key), settle_to_the_end(port, body, {})]
    assert answers[0]["success"] is True, answers
    assert answers[0]["extra"]["status"] == "confirmed"
    assert answers[1]["errorReason"] == "duplicate_settlement"
    _, status = call(port, "GET", f"/status/{answers[0]['transaction']}")
    assert status["status"] == "confirmed"
    assert status["settled"] is True


def settle_to_the_end(port: int, body: dict[str, Any], key: dict[str, str]) -> dict[str, Any]:
    for _ in range(10):
        status, answer = call(port, "POST", "/settle", body, {"Prefer": "wait=20", **key})
        assert status == 200, answer
        if answer.get("errorReason") != "settlement_pending":
            return dict(answer)
    raise AssertionError(answer)


def test_what_was_submitted_settles_though_nobody_asks_again(
    serve: Callable[[], ServeProcess], tmp_path: Path
) -> None:
    body = payment()
    (tmp_path / "trap").write_text("before submission")
    process = serve()
    with suppress(OSError, HTTPException):
        call(process.port, "POST", "/settle", body)
    process.wait()

    port = serve().port
    transaction = status_when(port, body, "confirmed")
    assert transaction["settled"] is True


def status_when(port: int, body: dict[str, Any], wanted: str) -> dict[str, Any]:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        _, status = call(port, "GET", f"/status/{transaction_id(body)}")
        if status["status"] == wanted:
            return dict(status)
    raise AssertionError(status)
