"""What is in Redis besides what the storage contract says: names, and that nothing piles up."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from facilitator.roles.claim import ClaimState
from facilitator.roles.sharing import SharedOutput
from facilitator.testing.clock import ManualClock
from facilitator.testing.examples import example_claim, example_reservation
from facilitator_redis.storage import RedisStorage
from support.redis_servers import RedisServer, needs_redis, running
from support.redis_storages import storage_at

pytestmark = needs_redis

NETWORK = "cardano:preprod"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with running(tmp_path / "server") as server:
        yield server


@pytest.fixture
def clock() -> ManualClock:
    """The clock of the server and of the callers."""
    return ManualClock(0.0)


@pytest.fixture
def storage(server: RedisServer, clock: ManualClock) -> Iterator[RedisStorage]:
    with closing(storage_at(server.url, clock, "fleet")) as storage:
        yield storage


def keys(server: RedisServer) -> int:
    return int(server.command("DBSIZE").removeprefix(":"))


def test_nothing_stays_of_what_is_over(
    server: RedisServer, storage: RedisStorage, clock: ManualClock
) -> None:
    for number in range(250):
        claim = example_claim(transaction_id=f"{number:064x}", keep_until=200.0)
        storage.add_claim(claim)
        storage.change_claim(claim.changed(state=ClaimState.SETTLED))
        held = example_reservation(
            f"{number}", [f"{number}#0"], f"{number}", is_settling=number % 2 == 0
        )
        storage.reserve(held, 0.0, 1)
    removed = storage.add_claim(example_claim())
    storage.remove_claim(removed)
    storage.reserve(example_reservation("released"), 0.0, 1)
    storage.release("released")
    storage.reserve(example_reservation("cancelled", is_settling=False), 0.0, 1)
    storage.cancel("cancelled")
    assert keys(server) > 250

    clock.advance(100)
    assert storage.forget_claims(now=200.0) == 250
    storage.reserve(example_reservation("late", expires_at=500.0), 100.0, 1)
    storage.release("late")
    assert keys(server) == 0


def test_more_reservations_can_be_over_than_one_step_lets_go_of(
    storage: RedisStorage, clock: ManualClock
) -> None:
    for number in range(1_200):
        held = example_reservation(f"{number}", [f"{number}#0"], is_settling=False)
        storage.reserve(held, 0.0, 2_000)
    clock.advance(100)
    assert storage.reserve(example_reservation("late", ["7#0"], expires_at=500.0), 100.0, 1) is None


def test_a_claim_that_is_not_due_by_now_is_not_forgotten(
    storage: RedisStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when another process was faster, and the transaction is claimed again since."""
    opened = storage.add_claim(example_claim())
    kept = example_claim(transaction_id="d1" * 32, state=ClaimState.SETTLED, keep_until=300.0)
    storage.add_claim(kept)
    batches = iter([[opened.transaction_id, kept.transaction_id, "e1" * 32], []])
    monkeypatch.setattr(storage, "_forgettable", lambda _: next(batches))
    assert storage.forget_claims(now=200.0) == 0
    assert storage.claim(opened.transaction_id) == opened
    assert storage.claim(kept.transaction_id) == kept


def test_keys_and_outputs_end_by_themselves(server: RedisServer, storage: RedisStorage) -> None:
    storage.bind_key("key", "first", expires_at=1_000_100.0, now=1_000_000.0)
    storage.share_outputs(NETWORK, {"aa#0": SharedOutput(7, b"content")}, keep_until=4e9)
    bound = server.command("PTTL", "{fleet}:key:key")
    assert 0 < int(bound.removeprefix(":")) <= 100_000
    expires = server.command("PEXPIRETIME", f"{{fleet}}:output:{NETWORK}:aa#0")
    assert expires == ":4000000000000"


def test_all_names_begin_with_the_prefix_in_braces(
    server: RedisServer, storage: RedisStorage
) -> None:
    storage.add_claim(example_claim())
    storage.reserve(example_reservation(), 0.0, 1)
    storage.bind_key("{other}", "first", expires_at=100.0, now=0.0)
    storage.lead(NETWORK, "one", 0.0, 1.0)
    storage.publish(NETWORK, "one", 1, b"", [], 1)
    storage.share_outputs(NETWORK, {"aa#0": SharedOutput(7, b"")}, 4e9)
    storage.ping()
    counted = server.command("EVAL", "return #redis.call('KEYS', '{fleet}:*')", "0")
    assert counted == f":{keys(server)}"
