"""A facilitator whose files are removed, over real HTTP."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from facilitator.errors import PluginError
from support.payments import Payer
from support.running import Running
from support.sqlite_knife import INJURIES

SETTINGS = {
    "plugins": "devnet,sqlite",
    "settlement__wait_seconds": 0,
    "rate_limit__enabled": "false",
}


def settled(running: Running) -> dict[str, Any]:
    """Return the body of a payment whose success was delivered."""
    body = Payer(running).body()
    running.settle(body)
    running.next_block()
    running.next_block()
    running.settle_until(body, lambda answer: answer["success"])
    return body


@pytest.mark.parametrize("injury", INJURIES)
def test_a_facilitator_without_its_files_says_so_and_refuses(
    run: Callable[..., Running], tmp_path: Path, injury: str
) -> None:
    """Health first: it needs no payment to notice. What it says names no file."""
    running = run(**SETTINGS)
    paid, other = settled(running), Payer(running, "other").body()
    INJURIES[injury](tmp_path / "facilitator.db")
    status, health = running.call("GET", "/health")
    assert (status, health["status"]) == (200, "degraded")
    assert health["dependencies"]["storage"]["status"] == "down"
    assert "facilitator.db" not in str(health)
    assert running.call("GET", "/health/ready")[0] == 503
    for path, body in (("/settle", paid), ("/settle", other), ("/verify", other)):
        status, answer = running.call("POST", path, body)
        assert status == 503, answer
        assert "facilitator.db" not in str(answer)


@pytest.mark.parametrize("injury", ["wal and shm removed", "shm emptied", "mark removed"])
def test_a_facilitator_that_is_started_again_has_lost_nothing(
    run: Callable[..., Running], tmp_path: Path, injury: str
) -> None:
    """It was stopped, not killed; until then no other one starts."""
    running = run(**SETTINGS)
    paid = settled(running)
    INJURIES[injury](tmp_path / "facilitator.db")
    if injury != "shm emptied":
        with pytest.raises(PluginError, match="the storage cannot start: the file "):
            run(**SETTINGS)
    assert running.call("POST", "/settle", paid)[0] == 503
    running.close()
    again = run(**SETTINGS)
    answer = again.settle(paid)
    assert (answer["success"], answer["errorReason"]) == (False, "duplicate_settlement")
    assert again.call("GET", "/health")[1]["dependencies"]["storage"]["status"] == "up"
