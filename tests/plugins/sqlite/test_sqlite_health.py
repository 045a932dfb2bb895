"""A facilitator whose files are removed, over real HTTP."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from facilitator.errors import PluginError
from facilitator.testing.payments import Payer
from facilitator.testing.running import Running
from support.sqlite_knife import INJURIES

Start = Callable[[], Running]


@pytest.fixture
def start(run: Callable[..., Running], path: Path) -> Start:
    return lambda: run(
        plugins="devnet,sqlite",
        sqlite__path=str(path),
        settlement__wait_seconds=0,
        rate_limit__enabled="false",
    )


def settled(running: Running, payer: Payer) -> dict[str, Any]:
    """Return the body of a payment whose success was delivered."""
    body = payer.body()
    running.settle(body)
    running.next_block()
    running.next_block()
    running.settle_until(body, lambda answer: answer["success"])
    return body


@pytest.mark.parametrize("injury", INJURIES)
def test_a_facilitator_without_its_files_says_so_and_refuses(
    start: Start, path: Path, injury: str
) -> None:
    """Health first: it needs no payment to notice. What it says names no file."""
    running = start()
    payer = Payer(running)
    paid, other = settled(running, payer), payer.body()
    INJURIES[injury](path)
    status, health = running.call("GET", "/health")
    assert (status, health["status"]) == (200, "degraded")
    assert health["dependencies"]["storage"]["status"] == "down"
    assert path.name not in str(health)
    assert running.call("GET", "/health/ready")[0] == 200
    for body in (paid, other):
        status, answer = running.call("POST", "/settle", body)
        assert status == 503, answer
        assert path.name not in str(answer)


@pytest.mark.parametrize("injury", ["wal and shm removed", "shm emptied", "mark removed"])
def test_a_facilitator_that_is_started_again_has_lost_nothing(
    start: Start, path: Path, injury: str
) -> None:
    """It was stopped, not killed; until then no other one starts."""
    running = start()
    paid = settled(running, Payer(running))
    INJURIES[injury](path)
    if injury != "shm emptied":
        with pytest.raises(PluginError, match="the storage cannot start: the file "):
            start()
    assert running.call("GET", "/health")[1]["dependencies"]["storage"]["status"] == "down"
    assert running.call("POST", "/settle", paid)[0] == 503
    running.close()
    again = start()
    answer = again.settle(paid)
    assert (answer["success"], answer["errorReason"]) == (False, "duplicate_settlement")
    assert again.call("GET", "/health")[1]["dependencies"]["storage"]["status"] == "up"
