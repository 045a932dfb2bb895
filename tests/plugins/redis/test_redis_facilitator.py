"""A whole facilitator on Redis, over real HTTP, through Redis' absence."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from facilitator.cardano.codec.transaction_decoder import decode_transaction
from facilitator.roles.chain import NotFound
from facilitator.roles.storage import HasServerTime
from facilitator.settlement.retention import GRACE_SECONDS
from facilitator.testing.payments import BOB, Payer, request_body, requirements, transaction_id
from facilitator.testing.running import Running
from facilitator.testing.waiting import eventually
from facilitator_redis.names import Names
from support.redis_servers import RedisServer, needs_redis
from support.redis_servers import running as running_redis

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


def words(answer: object) -> list[str]:
    """The words and numbers in an answer, in lower case."""
    return re.findall(r"[\w.]+", str(answer).lower())


def test_a_settlement_goes_on_when_redis_is_back(
    running: Running, server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    body = Payer(running).body()
    assert running.settle(body)["errorReason"] == PENDING
    server.kill()
    answer = running.settle(body)
    assert answer["errorReason"] == PENDING
    assert "the storage cannot be reached" in answer["errorMessage"]
    status, health = running.call("GET", "/health")
    assert (status, health["status"]) == (200, "degraded")
    assert health["dependencies"]["storage"]["status"] == "down"
    for shown in (answer, health):
        assert not {"127.0.0.1", str(server.port), "redis"} & set(words(shown))
    assert f"Redis at 127.0.0.1:{server.port} cannot be reached" in caplog.text
    running.next_block()
    running.next_block()

    server.start()
    eventually(lambda: running.call("POST", "/settle", body)[0] == 200)
    told: list[dict[str, Any]] = []

    def is_settled() -> bool:
        told.append(running.settle(body))
        running.next_block()
        return bool(told[-1].get("success"))

    eventually(is_settled)
    *before, answer = told
    assert all(each["errorReason"] == PENDING for each in before)
    assert answer["transaction"] == transaction_id(body)
    assert running.settle(body)["errorReason"] == "duplicate_settlement"


def test_without_redis_payments_are_verified_and_nothing_is_reserved(
    running: Running, server: RedisServer
) -> None:
    payer = Payer(running)
    terms = requirements()
    transaction = payer.transaction(terms)
    body = request_body(transaction, terms)
    (ref,) = decode_transaction(transaction).body.inputs
    dearer = requirements(amount=3_000_000, pay_to=BOB.address)
    rival = request_body(payer.spend([ref], dearer), dearer)
    server.kill()
    for each in (body, rival):
        verdict = running.verify(each)
        assert (verdict["isValid"], verdict["extra"]) == (True, {"reserved": False})
    status, answer = running.call("POST", "/settle", body)
    assert status == 503
    assert answer["errorReason"] == "exact_cardano_facilitator_evidence_unavailable"
    assert "the storage does not work, try again" in answer["errorMessage"]
    assert isinstance(running.devnet.transaction(transaction_id(body)), NotFound)

    server.start()
    eventually(lambda: "extra" not in running.verify(body))
    assert running.verify(rival)["extra"]["heldFor"] == transaction_id(body)
    assert running.settle(body)["errorReason"] == PENDING


def test_how_long_records_are_kept(running: Running, server: RedisServer) -> None:
    """Reservations for two minutes; final claims for a day beyond the end of their validity."""
    clock = running.clock
    assert clock is not None
    body = Payer(running).body(seconds=500)
    transaction, names = transaction_id(body), Names("x402")
    began = clock.time()
    assert running.verify(body)["isValid"]
    ends_at = float(server.command("ZSCORE", names.holds[0], transaction))
    storage = running.facilitator.storage
    assert isinstance(storage, HasServerTime)
    assert 0 < ends_at - storage.server_time() <= 120

    running.settle(body)
    running.next_block()
    running.next_block()
    assert running.settle_until(body, lambda answer: answer["success"])
    assert server.command("ZCARD", names.holds[0]) == ":0"
    kept_until = float(server.command("ZSCORE", names.final_claims, transaction))
    assert kept_until >= began + 500 + GRACE_SECONDS + 24 * 3600
    assert server.command("PTTL", names.claim(transaction)) == ":-1"  # Redis drops it by no clock
    running.facilitator.storage.forget_claims(kept_until - 1)
    assert running.settle(body)["errorReason"] == "duplicate_settlement"
