"""A facilitator whose provider does not give blocks says so, and asks by id."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from facilitator.clock import SystemClock
from facilitator.testing.payments import Payer
from facilitator.testing.running import NETWORK, Running
from facilitator.testing.waiting import eventually
from facilitator_devnet.blockfrost.api import BlockfrostApi
from facilitator_devnet.devnet import Devnet

NEXT = "GET /blocks/{hash_or_number}/next"


@pytest.fixture
def api() -> Iterator[BlockfrostApi]:
    devnet = Devnet(NETWORK, SystemClock(), block_seconds=0.2)
    with closing(devnet), BlockfrostApi(devnet) as api:
        yield api


@pytest.fixture
def running(tmp_path: Path, api: BlockfrostApi) -> Iterator[Running]:
    settings = {
        "FACILITATOR_PLUGINS": "blockfrost,memory",
        "FACILITATOR_BLOCKFROST__BASE_URL": api.url,
        "FACILITATOR_BLOCKFROST__PROJECT_ID": "preprodAny",
        "FACILITATOR_BLOCKFROST__POLL_SECONDS": "1",
    }
    with closing(Running(tmp_path, settings=settings, real_time=True)) as running:
        yield running


def dependency(running: Running) -> dict[str, Any]:
    return dict(running.call("GET", "/health")[1]["dependencies"][NETWORK])


@pytest.mark.parametrize(
    "fault",
    [
        lambda api: api.faults.answer(404, NEXT),
        lambda api: api.faults.answer(400, NEXT),
        lambda api: api.faults.truncate(NEXT),
    ],
)
def test_what_no_block_shows_is_asked_for_by_id(
    running: Running,
    api: BlockfrostApi,
    fault: Callable[[BlockfrostApi], None],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("facilitator.api.probe.FRESH_SECONDS", 0.0)
    body = Payer(running).body(confirmations=3)
    fault(api)
    pending = running.settle(body, Prefer="wait=0")
    assert pending["errorReason"] == "settlement_pending"
    eventually(lambda: dependency(running)["status"] == "down")
    assert "blocks cannot be followed since 20" in dependency(running)["error"]
    assert running.call("GET", "/health/ready")[0] == 503
    assert running.call("GET", "/health")[1]["status"] == "degraded"
    assert f"cannot follow {NETWORK}: " in caplog.text
    assert running.settle(body, Prefer="wait=30")["success"] is True
