"""What ``/health`` tells of Blockfrost, and of everything else that a real network needs."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from facilitator.clock import SystemClock
from facilitator.testing.clock import ManualClock
from facilitator.testing.running import NETWORK, Running
from facilitator.testing.waiting import eventually
from facilitator_devnet.blockfrost.api import BlockfrostApi
from facilitator_devnet.devnet import Devnet

TIP = "GET /blocks/latest"
FIRST, STANDBY = f"{NETWORK} (blockfrost)", f"{NETWORK} (blockfrost_backup, standby)"


@pytest.fixture
def api() -> Iterator[BlockfrostApi]:
    with closing(Devnet(NETWORK, SystemClock())) as devnet, BlockfrostApi(devnet) as api:
        yield api


@pytest.fixture
def start(tmp_path: Path, api: BlockfrostApi) -> Iterator[Callable[..., Running]]:
    with ExitStack() as stack:

        def start(**settings: str) -> Running:
            own = {
                "FACILITATOR_PLUGINS": "blockfrost,sqlite",
                "FACILITATOR_BLOCKFROST__BASE_URL": api.url,
                "FACILITATOR_BLOCKFROST__PROJECT_ID": "preprodOfTheHealth",
                **settings,
            }
            return stack.enter_context(closing(Running(tmp_path, settings=own, real_time=True)))

        yield start


def health(running: Running) -> tuple[int, dict[str, Any]]:
    return running.call("GET", "/health")


def test_every_dependency_is_up_with_its_latency(
    start: Callable[..., Running], api: BlockfrostApi
) -> None:
    status, told = health(start())
    assert (status, told["status"]) == (200, "healthy")
    assert told["version"] == version("x402-cardano-facilitator")
    assert set(told["dependencies"]) == {"storage", "clock", "protocol", NETWORK}
    for name, dependency in told["dependencies"].items():
        assert dependency["status"] == "up"
        assert dependency["latency"] > 0 or name in ("clock", "protocol")
    assert api.counts()["by_endpoint"] == {
        "GET /genesis": 1,
        "GET /blocks/{hash_or_number}/next": 1,
        "GET /blocks/{hash_or_number}/txs/cbor": 1,
        "GET /network/eras": 1,
        "GET /mempool": 1,
        "GET /accounts/{stake_address}": 1,
        "GET /epochs/latest/parameters": 1,
        TIP: 4,
    }


def test_a_chain_that_stands_still_is_named(
    start: Callable[..., Running], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("facilitator.api.probe.FRESH_SECONDS", 0.0)
    an_hour_ago = ManualClock(SystemClock().time() - 3600)
    with closing(Devnet(NETWORK, an_hour_ago)) as devnet, BlockfrostApi(devnet) as api:
        running = start(FACILITATOR_BLOCKFROST__BASE_URL=api.url)
        health(running)  # perhaps the tip is looked at after the clock
        status, told = health(running)
    assert (status, told["status"]) == (200, "degraded")
    words = f"the newest block of {NETWORK} is 60 minutes old: its provider stands still"
    assert told["dependencies"]["clock"]["error"].startswith(words)
    assert told["dependencies"][NETWORK]["status"] == "up"


def test_the_latency_is_that_of_the_last_question(
    start: Callable[..., Running], api: BlockfrostApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("facilitator.api.probe.FRESH_SECONDS", 0.0)
    running = start()
    api.counters.reset()
    api.faults.latency(150, TIP, times=1)
    latencies = [health(running)[1]["dependencies"][NETWORK]["latency"] for _ in range(2)]
    assert latencies[0] >= 150
    assert latencies[1] == latencies[0] or api.counts()["by_endpoint"][TIP] > 1


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (lambda api: api.faults.quota(0), "the requests that the Blockfrost plan has a day are"),
        (lambda api: api.faults.answer(403), "Blockfrost refuses the project ID (403)"),
        (lambda api: api.faults.answer(418), "Blockfrost banned this address"),
        (lambda api: api.close(), "cannot connect to Blockfrost"),
    ],
)
def test_what_blockfrost_refuses_is_down(
    start: Callable[..., Running],
    api: BlockfrostApi,
    fault: Callable[[BlockfrostApi], None],
    words: str,
) -> None:
    running = start()
    fault(api)
    status, told = health(running)
    assert (status, told["status"]) == (200, "degraded")
    chain = told["dependencies"][NETWORK]
    assert chain["status"] == "down"
    assert words in chain["error"]
    assert "set the one of" not in chain["error"]
    assert told["dependencies"]["storage"]["status"] == "up"
    assert running.call("GET", "/health/ready")[0] == 503
    assert running.call("GET", "/health/live")[0] == 200
    running.facilitator.storage.close()
    eventually(lambda: health(running)[0] == 503)
    assert health(running)[1]["status"] == "unhealthy"


def test_each_provider_is_a_dependency(start: Callable[..., Running]) -> None:
    running = start(
        FACILITATOR_PLUGINS="blockfrost,blockfrost_backup,sqlite",
        FACILITATOR_CHAIN__FALLBACK="blockfrost_backup",
        FACILITATOR_BLOCKFROST_BACKUP__BASE_URL="http://127.0.0.1:1",
    )
    status, told = health(running)
    assert (status, told["status"]) == (200, "degraded")
    found = {name: each["status"] for name, each in told["dependencies"].items()}
    assert found == {
        "storage": "up",
        "clock": "up",
        "protocol": "up",
        FIRST: "up",
        STANDBY: "down",
    }


def test_strangers_read_no_advice_and_the_log_does(
    start: Callable[..., Running], api: BlockfrostApi, caplog: pytest.LogCaptureFixture
) -> None:
    api.faults.answer(404)
    running = start()
    told = health(running)[1]["dependencies"][NETWORK]["error"]
    assert told == "Blockfrost answers neither at /v0/blocks/latest nor at /blocks/latest"
    assert "look at base_url" in caplog.text
    status = running.call("GET", f"/status/{'ab' * 32}")
    assert status[0] == 503
    assert "base_url" not in str(status)
