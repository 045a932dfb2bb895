"""What is counted of a chain provider, held to what its other end has counted."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from facilitator.testing.clock import ManualClock
from facilitator.testing.payments import Payer, transaction_id
from facilitator.testing.running import NETWORK, NOW, Running
from facilitator.testing.waiting import eventually
from facilitator_blockfrost.budget import REQUESTS_PER_DAY
from facilitator_devnet.blockfrost.api import BlockfrostApi
from facilitator_devnet.devnet import Devnet
from support.exposition import Metrics, scrape

OF = {"provider": "blockfrost", "network": NETWORK}
STATUS = "GET /txs/{hash}"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def api(clock: ManualClock) -> Iterator[BlockfrostApi]:
    with closing(Devnet(NETWORK, clock)) as devnet, BlockfrostApi(devnet) as api:
        yield api


@pytest.fixture
def running(tmp_path: Path, clock: ManualClock, api: BlockfrostApi) -> Iterator[Running]:
    settings = {
        "FACILITATOR_PLUGINS": "blockfrost,memory,prometheus",
        "FACILITATOR_BLOCKFROST__BASE_URL": api.url,
        "FACILITATOR_BLOCKFROST__PROJECT_ID": "preprodOfTheMetrics",
        "FACILITATOR_BLOCKFROST__POLL_SECONDS": "1",
        "FACILITATOR_BLOCKFROST__TIER": "free",
        "FACILITATOR_SETTLEMENT__WAIT_SECONDS": "0",
    }
    with closing(Running(tmp_path, settings=settings, clock=clock)) as running:
        yield running


def metrics(running: Running) -> Metrics:
    return scrape(running.server.port)


def requests(running: Running) -> dict[str, float]:
    return metrics(running).by("endpoint", "facilitator_upstream_requests_total", **OF)


def ask_status(running: Running) -> int:
    return running.call("GET", f"/status/{'ab' * 32}")[0]


def test_upstream_requests_are_those_that_were_made(running: Running, api: BlockfrostApi) -> None:
    body = Payer(running).body(confirmations=0)
    assert running.verify(body)["isValid"]
    assert running.verify(body)["isValid"]
    running.settle(body)
    api.devnet.produce_block()
    eventually(lambda: metrics(running).value("facilitator_settlements_total", state="settled"))
    assert running.call("GET", f"/status/{transaction_id(body)}")[0] == 200
    assert ask_status(running) == 200
    # The follower asks on and on; between two looks at ours, theirs is the same at some time.
    eventually(lambda: requests(running) == api.counts()["by_endpoint"])

    found = metrics(running)
    assert found.value("facilitator_output_lookups_total", source="provider") == 1
    assert found.value("facilitator_output_lookups_total", source="memory") >= 1
    made = found.value("facilitator_upstream_requests_total", **OF)
    assert found.value("facilitator_upstream_request_seconds_count", **OF) == made
    used = found.value("facilitator_upstream_quota_used_requests", **OF)
    remaining = found.value("facilitator_upstream_quota_remaining_requests", **OF)
    assert used + remaining == REQUESTS_PER_DAY["free"]


def test_failures_retries_and_the_breaker(running: Running, api: BlockfrostApi) -> None:
    api.faults.answer(503, STATUS, times=1)
    assert ask_status(running) == 200
    found = metrics(running)
    statuses = found.by("status", "facilitator_upstream_requests_total", endpoint=STATUS)
    assert statuses == {"503": 1, "404": 1}
    assert found.value("facilitator_upstream_retries_total", **OF) == 1
    assert found.value("facilitator_breaker_open", **OF) == 0

    api.faults.cut_before(STATUS)
    for _ in range(3):
        assert ask_status(running) == 503
    found = metrics(running)
    statuses = found.by("status", "facilitator_upstream_requests_total", endpoint=STATUS)
    assert statuses == {"503": 1, "404": 1, "failed": 9}
    assert found.value("facilitator_breaker_open", **OF) == 1

    api.close()
    assert ask_status(running) == 503
    assert metrics(running).value("facilitator_breaker_open", **OF) == 1


def test_an_address_that_nobody_listens_at(running: Running, api: BlockfrostApi) -> None:
    api.close()
    assert ask_status(running) == 503
    found = metrics(running)
    assert found.by("status", "facilitator_upstream_requests_total", **OF) == {
        "200": 8,
        "400": 1,  # to what is no account
        "unreachable": 3,
    }


def test_a_quota_that_is_used_up(running: Running, api: BlockfrostApi, clock: ManualClock) -> None:
    api.faults.quota(0)
    for _ in range(2):
        assert ask_status(running) == 503
    found = metrics(running)
    assert found.by("status", "facilitator_upstream_requests_total", **OF) == {
        "200": 8,
        "400": 1,
        "402": 1,
    }
    assert found.value("facilitator_upstream_quota_remaining_requests", **OF) == 0
    assert found.value("facilitator_upstream_quota_used_requests", **OF) == 10
    assert found.value("facilitator_upstream_withheld_requests_total", **OF) == 1

    api.faults.clear()
    clock.advance(86_400)
    assert metrics(running).value("facilitator_upstream_quota_used_requests", **OF) == 0
    remaining = metrics(running).value("facilitator_upstream_quota_remaining_requests", **OF)
    assert remaining == REQUESTS_PER_DAY["free"]


def test_how_far_following_lags(running: Running, api: BlockfrostApi, clock: ManualClock) -> None:
    assert metrics(running)["facilitator_following"] == 0
    clock.advance(30)
    assert metrics(running)["facilitator_follower_lag_seconds"] == 0
    # An open settlement keeps it following, however slow the rest of this is.
    running.settle(Payer(running).body(confirmations=20))
    found = metrics(running)
    assert found["facilitator_following"] == 1
    lag = found["facilitator_follower_lag_seconds"]
    assert lag >= 30
    clock.advance(45)
    assert metrics(running)["facilitator_follower_lag_seconds"] == lag + 45
    api.devnet.produce_block()
    eventually(lambda: metrics(running)["facilitator_follower_lag_seconds"] == 0)
    assert metrics(running)["facilitator_followed_blocks_total"] == 1
