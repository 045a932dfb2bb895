"""A whole facilitator on Redis, over real HTTP, through Redis' absence."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.payments import Payer, transaction_id
from support.redis_servers import RedisServer, eventually, needs_redis
from support.redis_servers import running as running_redis
from support.running import Running

pytestmark = needs_redis

PENDING = "settlement_pending"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with running_redis(tmp_path / "server", "--appendfsync", "always") as server:
        yield server


@pytest.fixture
def running(run: Callable[..., Running], server: RedisServer) -> Running:
    return run(plugins="devnet,redis", redis__url=server.url, settlement__wait_seconds=0)


def test_a_payment_is_settled_once(running: Running) -> None:
    body = Payer(running).body()
    assert running.verify(body)["isValid"]
    assert running.settle(body)["errorReason"] == PENDING
    running.next_block()
    running.next_block()
    assert running.settle_until(body, lambda answer: answer["success"])
    assert running.settle(body)["errorReason"] == "duplicate_settlement"


def test_a_settlement_goes_on_when_redis_is_back(running: Running, server: RedisServer) -> None:
    body = Payer(running).body()
    assert running.settle(body)["errorReason"] == PENDING
    server.kill()
    status, answer = running.call("POST", "/settle", body)
    assert status == 503
    assert f"Redis at 127.0.0.1:{server.port} cannot be reached" in str(answer)
    status, health = running.call("GET", "/health")
    assert (status, health["status"]) == (200, "degraded")
    assert health["dependencies"]["storage"]["status"] == "down"
    running.next_block()
    running.next_block()

    server.start()
    eventually(lambda: running.call("POST", "/settle", body)[0] == 200)
    deadline = time.monotonic() + 60
    while not (answer := running.settle(body)).get("success"):
        assert answer["errorReason"] == PENDING, answer
        assert time.monotonic() < deadline
        running.next_block()
    assert answer["transaction"] == transaction_id(body)
    assert running.settle(body)["errorReason"] == "duplicate_settlement"
