"""The records are lost while payments are settled, or after: nobody is told twice, or of a fault.

In memory and with SQLite they are lost between two runs, in Redis and PostgreSQL also under a
facilitator that goes on.
"""

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from facilitator.roles.chain import InMempool
from facilitator.roles.claim import ClaimState, Delivery
from facilitator.roles.storage import StorageUnavailable
from facilitator.settlement import transitions
from facilitator.testing.payments import Payer, transaction_id
from facilitator.testing.waiting import eventually
from support.drills import (
    BLOCKS,
    DUPLICATE,
    LOOKUP_FAILED,
    NOT_ON_CHAIN,
    OUTPUTS,
    PENDING,
    STATUS,
    SUBMIT,
    UNAVAILABLE,
    Body,
    Drill,
    confirmed_by,
    raw,
)
from support.postgres_servers import PostgresServer, needs_postgres
from support.postgres_servers import running as running_postgres
from support.redis_calls import works
from support.redis_servers import RedisServer, needs_redis
from support.redis_servers import running as running_redis
from support.redis_storages import open_redis

Start = Callable[..., Drill]
Server = RedisServer | PostgresServer
TTL_EXPIRED = "invalid_exact_cardano_payload_ttl_expired"
REDIS = pytest.param("redis", marks=needs_redis)


class Records:
    """A facilitator and how its records are lost."""

    def __init__(self, kind: str, start: Start, folder: Path, server: Server | None) -> None:
        self._kind = kind
        self._start = start
        self._folder = folder
        self._server = server
        self.drill = self._started()

    def _started(self) -> Drill:
        url = self._server.url if self._server else ""
        return self._start(storage=self._kind.partition(" ")[0], storage_url=url)

    def lose(self) -> Drill:
        """The facilitator after the loss: another run, unless it goes on."""
        told = self.drill.told
        if not self._kind.endswith("that goes on"):
            self.drill.close()
        for file in self._folder.glob("facilitator.db*"):
            file.unlink()
        if isinstance(self._server, RedisServer):
            assert self._server.command("FLUSHALL") == "+OK"
        elif self._server:
            tables = ("claims", "holds", "held_inputs", "keys", "leaders", "entries", "outputs")
            self._server.run(f"TRUNCATE {', '.join(f'x402.{table}' for table in tables)}")
        if not self._kind.endswith("that goes on"):
            self.drill = self._started()
            self.drill.told = told
        return self.drill


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with running_redis(tmp_path / "redis", "--appendfsync", "always") as server:
        yield server


@pytest.fixture
def postgres() -> Iterator[PostgresServer]:
    with running_postgres() as server:
        yield server


@pytest.fixture(
    params=[
        "memory",
        "sqlite",
        REDIS,
        pytest.param("redis that goes on", marks=needs_redis),
        pytest.param("postgres that goes on", marks=needs_postgres),
    ]
)
def records(request: pytest.FixtureRequest, start: Start, tmp_path: Path) -> Records:
    kind = request.param.partition(" ")[0]
    fixture = {"redis": "server", "postgres": "postgres"}.get(kind)
    server = request.getfixturevalue(fixture) if fixture else None
    return Records(request.param, start, tmp_path, server)


@pytest.fixture(params=["memory", "sqlite", REDIS])
def anew(request: pytest.FixtureRequest, start: Start, tmp_path: Path) -> Records:
    """As ``records``, but another run always comes after the loss."""
    server = request.getfixturevalue("server") if request.param == "redis" else None
    return Records(request.param, start, tmp_path, server)


@pytest.fixture
def going_on(start: Start, tmp_path: Path, server: RedisServer) -> Records:
    return Records("redis that goes on", start, tmp_path, server)


def settled(drill: Drill, *, tell: bool = True) -> Body:
    """A payment that is in the chain as deep as promised."""
    body = drill.payment()
    assert drill.settle(body)["errorReason"] == PENDING
    drill.next_blocks(2)
    if tell:
        drill.settled_once(body)
    else:
        eventually(lambda: drill.status(body)["settled"])
    return body


def is_taken_as_told(drill: Drill, body: Body) -> None:
    """Assert that nobody is told of the success, and everybody that it is in the chain."""
    told = drill.verify(body)
    assert (told["isValid"], told["invalidReason"]) == (False, DUPLICATE)
    answer = drill.settle_while_open(body, lambda answer: answer["errorReason"] == DUPLICATE)
    assert "whether its success was reported is not known" in answer["errorMessage"]
    assert answer["transaction"] == transaction_id(body)
    assert answer["extra"]["status"] == "confirmed"
    assert answer["extra"]["confirmations"] >= 1
    status = drill.status(body)
    assert (status["status"], status["settled"]) == ("confirmed", False)
    assert status["confirmations"] >= 1
    assert drill.blocks_with(transaction_id(body)) == 1


@pytest.mark.parametrize("told", [True, False])
def test_what_was_settled_before_is_told_to_nobody(records: Records, told: bool) -> None:
    body = settled(records.drill, tell=told)
    drill = records.lose()
    is_taken_as_told(drill, body)
    asked = {endpoint: drill.provider.count(endpoint) for endpoint in (OUTPUTS, STATUS)}
    assert drill.settle(body, **{"Idempotency-Key": "order-66"})["errorReason"] == DUPLICATE
    assert drill.verify(body)["invalidReason"] == DUPLICATE
    assert asked == {endpoint: drill.provider.count(endpoint) for endpoint in asked}
    assert drill.provider.count(SUBMIT) == 1


def test_what_is_not_deep_enough_yet_is_waited_for_and_told_to_nobody(anew: Records) -> None:
    """Another run cannot know that nobody was told under other requirements."""
    body = anew.drill.payment(confirmations=3)
    assert anew.drill.settle(body)["errorReason"] == PENDING
    anew.drill.next_blocks(2)
    drill = anew.lose()
    drill.settle_while_open(body, confirmed_by(1))
    assert drill.verify(body)["invalidReason"] == DUPLICATE
    drill.next_blocks(2)
    is_taken_as_told(drill, body)


def test_what_waits_in_a_mempool_is_no_success_of_another_run(anew: Records) -> None:
    """A node had it before: another facilitator that shares nothing may have sent it."""
    body = anew.drill.payment()
    assert anew.drill.settle(body)["errorReason"] == PENDING
    drill = anew.lose()
    assert drill.settle(body)["errorReason"] == PENDING
    drill.next_blocks(2)
    eventually(lambda: drill.settle(body)["errorReason"] == DUPLICATE)
    is_taken_as_told(drill, body)


@needs_redis
def test_what_waits_in_a_mempool_settles_once_where_it_is_pending(going_on: Records) -> None:
    """The process has sent it, and no caller can have received its success."""
    body = going_on.drill.payment()
    assert going_on.drill.settle(body)["errorReason"] == PENDING
    drill = going_on.lose()
    assert drill.settle(body)["errorReason"] == PENDING
    drill.next_blocks(2)
    drill.settled_once(body)


def test_another_payment_from_the_same_output_is_still_refused(records: Records) -> None:
    body = settled(records.drill)
    drill = records.lose()
    rival = drill.rival(body)
    assert drill.verify(rival)["invalidReason"] == NOT_ON_CHAIN
    assert drill.settle(rival)["errorReason"] == NOT_ON_CHAIN
    assert drill.facilitator.storage.claim(transaction_id(rival)) is None


def copy_of(folder: Path) -> Path:
    """What Redis has on the disk."""
    return Path(shutil.copytree(folder / "redis/appendonlydir", folder / "copy"))


def restore(server: RedisServer, folder: Path, copy: Path) -> None:
    server.kill()
    shutil.rmtree(folder / "redis/appendonlydir")
    shutil.copytree(copy, folder / "redis/appendonlydir")
    server.start()


# --- By the process that was observing them -----------------------------------------------------


@needs_redis
@pytest.mark.parametrize("blocks", [0, 1, 2])
def test_what_a_process_still_observes_settles_once(going_on: Records, blocks: int) -> None:
    """It was not as deep as promised, so that nobody can have been told."""
    drill = going_on.drill
    body = drill.payment(confirmations=2)
    assert drill.settle(body)["errorReason"] == PENDING
    drill.next_blocks(blocks)
    if blocks:
        drill.settle_while_open(body, confirmed_by(blocks - 1))
    before = drill.stored(body)
    going_on.lose()
    eventually(lambda: drill.facilitator.storage.claim(transaction_id(body)))
    after = drill.stored(body)
    assert (after.answer, after.created_at) == (None, before.created_at)
    drill.next_blocks(3 - blocks)
    drill.settled_once(body)
    if blocks:  # else it may be looked for on its way into the block, and be sent again in vain
        assert drill.provider.count(SUBMIT) == 1


@needs_redis
def test_whoever_waits_while_the_records_are_lost_is_told(
    start: Start, server: RedisServer
) -> None:
    drill = start(storage="redis", storage_url=server.url, wait_seconds=60)
    body = drill.payment()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(drill.settle, body)
        eventually(lambda: drill.is_waiting(body))
        assert server.command("FLUSHALL") == "+OK"
        eventually(lambda: drill.facilitator.storage.claim(transaction_id(body)))
        drill.next_blocks(2)
        assert waiting.result(60)["success"]
    drill.stays_settled(body)


@needs_redis
@pytest.mark.parametrize("loss", ["emptied", "an old copy"])
def test_what_may_have_been_told_before_it_was_seen_here_is_told_to_nobody(
    going_on: Records, server: RedisServer, tmp_path: Path, loss: str
) -> None:
    """Others may have been faster: as deep as promised by the newest block is too deep."""
    drill = going_on.drill
    body = drill.payment(confirmations=1)
    assert drill.settle(body)["errorReason"] == PENDING
    copy = copy_of(tmp_path)
    drill.next_block()
    eventually(lambda: drill.knows_as(body, ClaimState.INCLUDED))
    drill.provider.faults.answer(503, BLOCKS)
    asked = drill.provider.count(BLOCKS)
    eventually(lambda: drill.provider.count(BLOCKS) > asked + 1)  # one may have gone before
    drill.next_block()
    if loss == "emptied":
        going_on.lose()
    else:
        restore(server, tmp_path, copy)

    def is_written_again() -> bool:
        with suppress(StorageUnavailable):
            claim = drill.facilitator.storage.claim(transaction_id(body))
            return claim is not None and claim.delivery is Delivery.UNKNOWN
        return False

    eventually(is_written_again)
    drill.provider.heal()
    is_taken_as_told(drill, body)


# --- Old copies ---------------------------------------------------------------------------------


@needs_redis
def test_a_copy_from_before_the_payment(
    going_on: Records, server: RedisServer, tmp_path: Path
) -> None:
    drill = going_on.drill
    assert drill.settle(drill.payment())["errorReason"] == PENDING
    copy = copy_of(tmp_path)
    body = settled(drill)
    restore(server, tmp_path, copy)
    eventually(lambda: works(drill.facilitator.storage.ping))
    is_taken_as_told(drill, body)


@needs_redis
@pytest.mark.parametrize("blocks", [0, 1])
def test_a_copy_from_the_middle_of_a_settlement_that_goes_on(
    going_on: Records, server: RedisServer, tmp_path: Path, blocks: int
) -> None:
    drill = going_on.drill
    body = drill.payment(confirmations=2)
    assert drill.settle(body)["errorReason"] == PENDING
    copy = copy_of(tmp_path)
    drill.next_blocks(blocks)
    before = ClaimState.INCLUDED if blocks else ClaimState.SUBMITTED
    eventually(lambda: drill.knows_as(body, before))
    restore(server, tmp_path, copy)
    eventually(lambda: works(drill.facilitator.storage.ping))
    eventually(lambda: drill.stored(body).state is before)
    drill.next_blocks(3 - blocks)
    drill.settled_once(body)


@needs_redis
def test_a_copy_from_the_middle_of_a_settlement_that_was_told(
    going_on: Records, server: RedisServer, tmp_path: Path
) -> None:
    """Whoever told of it remembers, and gives the answer again to the key alone."""
    drill = going_on.drill
    body = drill.payment()
    key = {"Idempotency-Key": "order-66"}
    assert drill.settle(body, **key)["errorReason"] == PENDING
    copy = copy_of(tmp_path)
    drill.next_blocks(2)
    answers: list[Body] = []

    def is_told() -> bool:
        answers.append(drill.settle(body, **key))
        return bool(answers[-1]["success"])

    eventually(is_told)
    restore(server, tmp_path, copy)
    eventually(lambda: drill.call("GET", f"/status/{transaction_id(body)}")[0] == 200)
    drill.settle_while_open(body, lambda answer: answer["errorReason"] == DUPLICATE)
    drill.told.clear()
    assert drill.settle(body, **key) == answers[-1]
    assert drill.settle(body)["errorReason"] == DUPLICATE


# --- When its validity is over ------------------------------------------------------------------


def test_what_landed_in_time_is_not_called_too_late(records: Records) -> None:
    drill = records.drill
    body = drill.payment(seconds=60)
    assert drill.settle(body)["errorReason"] == PENDING
    drill.next_blocks(2)
    drill.settled_once(body)
    drill.clock.advance(3_600)
    drill = records.lose()
    drill.next_block()
    is_taken_as_told(drill, body)


@pytest.mark.parametrize(("hours", "questions"), [(1, 1), (25, 0)])
def test_what_never_landed_is_too_late(start: Start, hours: int, questions: int) -> None:
    """Nothing is asked when its claim would be forgotten by now."""
    drill = start()
    body = drill.payment(seconds=60)
    drill.clock.advance(hours * 3_600)
    drill.next_block()
    drill.verify(drill.payment())
    before = drill.provider.count(STATUS)
    assert drill.verify(body)["invalidReason"] == TTL_EXPIRED
    assert drill.provider.count(STATUS) - before == questions
    assert drill.settle(body)["errorReason"] == TTL_EXPIRED


# --- When something cannot be asked -------------------------------------------------------------


def test_an_outage_is_no_verdict_on_what_landed(start: Start) -> None:
    drill = start(storage="memory")
    body = drill.payment()
    drill.submitted(body)
    drill.next_blocks(2)
    drill.provider.faults.answer(503, STATUS)
    assert drill.verify(body)["invalidReason"] == LOOKUP_FAILED
    assert drill.settle(body)["errorReason"] == PENDING
    assert drill.facilitator.storage.claim(transaction_id(body)) is None
    drill.provider.faults.clear()
    drill.provider.faults.answer(404, STATUS)  # an index that knows what spent it, and not where
    eventually(lambda: "block is not known yet" in drill.verify(body)["invalidMessage"])
    drill.provider.heal()
    eventually(lambda: drill.settle(body)["errorReason"] == DUPLICATE)
    is_taken_as_told(drill, body)


@needs_redis
def test_while_the_storage_is_away_what_landed_is_no_verdict(
    going_on: Records, server: RedisServer
) -> None:
    drill = going_on.drill
    body = settled(drill, tell=False)
    server.kill()
    status, answer = drill.call("POST", "/verify", body)
    assert (status, answer["invalidReason"]) == (503, UNAVAILABLE)
    server.start()
    eventually(lambda: drill.call("POST", "/verify", body)[0] == 200)
    assert drill.verify(body)["isValid"]
    drill.settled_once(body)


def test_what_is_settled_while_it_is_verified_is_not_called_lost(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    drill = start(storage="memory")
    body = settled(drill, tell=False)
    storage = drill.facilitator.storage
    claim, blind = storage.claim, iter([None])
    monkeypatch.setattr(storage, "claim", lambda transaction: next(blind, claim(transaction)))
    assert drill.verify(body)["isValid"]
    assert next(blind, "asked") == "asked"
    drill.settled_once(body)


@needs_redis
def test_a_claim_that_was_being_made_anew_is_taken_up_by_the_next(
    start: Start, server: RedisServer
) -> None:
    """Whoever did was killed between announcing that and writing where it is."""
    drill = start(storage="redis", storage_url=server.url)
    body = settled(drill)
    claim = drill.stored(body)
    assert server.command("FLUSHALL") == "+OK"
    drill.close()
    began = replace(
        claim,
        state=ClaimState.CLAIMED,
        owner="killed",
        answer=None,
        block=None,
        version=0,
        nonce="",
    )
    rebuild = transitions.rebuild("killed", drill.clock.time())
    with closing(open_redis(server.url)) as storage:
        assert transitions.advance(storage, storage.add_claim(began), rebuild).by_us
    drill = start(storage="redis", storage_url=server.url)
    drill.clock.advance(60)
    eventually(lambda: drill.status(body)["status"] == "confirmed")
    is_taken_as_told(drill, body)


def test_a_refusal_for_what_landed_by_a_lost_claim_is_told_to_nobody(start: Start) -> None:
    """Its output was known as unspent here, and the node knows better."""
    drill = start(poll_seconds=3600.0)
    body = drill.payment(confirmations=0)
    assert drill.verify(body)["isValid"]
    drill.submitted(body)
    drill.next_block()
    answer = drill.settle(body)
    assert (answer["errorReason"], answer["extra"]["confirmations"]) == (DUPLICATE, 0)
    assert drill.provider.count(SUBMIT) == 1


def test_observers_hear_nothing_of_what_is_made_anew(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Anybody can show a payment of others that is in the chain."""
    drill = start(storage="memory")
    body = drill.payment()
    drill.submitted(body)
    drill.next_blocks(2)
    heard: list[Any] = []
    monkeypatch.setattr(drill.facilitator.service._plugins, "settlement_changed", heard.append)
    is_taken_as_told(drill, body)
    assert heard == []


def test_the_devnet_that_does_not_say_what_spent_an_output_is_asked(
    run: Callable[..., Any],
) -> None:
    running = run(settlement__wait_seconds=0)
    body = Payer(running).body()
    running.devnet.submit(raw(body))
    assert isinstance(running.devnet.transaction(transaction_id(body)), InMempool)
    running.next_block()
    running.next_block()
    assert running.verify(body)["invalidReason"] == DUPLICATE
    assert running.settle(body)["extra"] == {
        "status": "confirmed",
        "transactionId": transaction_id(body),
        "confirmations": 1,
    }
