"""What callers are told when Redis is away, slow or loses replies, and that it heals by itself."""

from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import TypeVar

import pytest

from facilitator.roles.claim import ClaimState
from facilitator.roles.sharing import Entry
from facilitator.roles.storage import ReservedElsewhere, StorageUnavailable
from facilitator.testing.examples import example_claim, example_reservation
from facilitator.testing.threads import together
from facilitator_redis.names import Names
from facilitator_redis.storage import RedisStorage
from support.proxies import Proxy, proxy
from support.redis_servers import (
    RedisServer,
    clustered,
    cut_off,
    free_port,
    needs_redis,
    replicated,
    running,
)
from support.redis_storages import open_redis
from support.waiting import eventually

pytestmark = needs_redis

Result = TypeVar("Result")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    """A server that a test may do anything to; what it acknowledged is on the disk."""
    with running(tmp_path / "server", "--appendfsync", "always") as server:
        yield server


@pytest.fixture
def storage(server: RedisServer) -> Iterator[RedisStorage]:
    with closing(open_redis(server.url)) as storage:
        storage.ping()
        yield storage


def works(call: Callable[[], object]) -> bool:
    """Whether it does now; what it raises can only be that the storage is unavailable."""
    try:
        call()
    except StorageUnavailable:
        return False
    return True


def at_last(call: Callable[[], Result]) -> Result:
    """What it returns, once the storage is available."""
    told: list[Result] = []
    eventually(lambda: works(lambda: told.append(call())))
    return told[0]


CALLS: list[Callable[[RedisStorage], object]] = [
    lambda storage: storage.add_claim(example_claim()),
    lambda storage: storage.claim("c1" * 32),
    lambda storage: storage.change_claim(example_claim(version=1)),
    lambda storage: storage.remove_claim(example_claim()),
    lambda storage: storage.open_claims(),
    lambda storage: storage.forget_claims(0.0),
    lambda storage: storage.reserve(example_reservation(), 0.0, 1),
    lambda storage: storage.release("c1" * 32),
    lambda storage: storage.bind_key("key", "first", 1.0, 0.0),
    lambda storage: storage.ping(),
    lambda storage: storage.lead("cardano:preprod", "one", 0.0, 1.0),
    lambda storage: storage.resign("cardano:preprod", "one"),
    lambda storage: storage.publish("cardano:preprod", "one", 1, b"", [], 1),
    lambda storage: storage.published("cardano:preprod", 0),
    lambda storage: storage.share_outputs("cardano:preprod", {}, 1.0),
    lambda storage: storage.shared_outputs("cardano:preprod", ["aa#0"]),
]


@pytest.mark.parametrize("number", range(len(CALLS)))
def test_every_call_tells_that_redis_is_away(number: int) -> None:
    port = free_port()
    with closing(open_redis(f"redis://user:hidden@127.0.0.1:{port}/0")) as storage:
        for _ in range(2):  # when it is tried, and when it is not even tried
            with pytest.raises(StorageUnavailable) as caught:
                CALLS[number](storage)
            assert str(caught.value) == (
                f"Redis at 127.0.0.1:{port} cannot be reached (Connection refused);"
                " start it, or correct redis.url"
            )


def test_it_heals_when_the_server_is_back(server: RedisServer, storage: RedisStorage) -> None:
    storage.add_claim(example_claim())
    server.kill()
    with pytest.raises(StorageUnavailable, match="cannot be reached"):
        storage.claim("c1" * 32)
    server.start()
    assert at_last(lambda: storage.claim("c1" * 32)) == example_claim()
    changed = example_claim().changed(state=ClaimState.SUBMITTED)
    assert storage.change_claim(changed)


def test_a_restart_between_two_calls_is_not_noticed(
    server: RedisServer, storage: RedisStorage
) -> None:
    together([storage.ping] * 8)
    storage.add_claim(example_claim())
    server.kill()
    server.start()
    assert together([partial(storage.claim, "c1" * 32)] * 8) == [example_claim()] * 8


def test_while_redis_is_away_one_call_at_a_time_tries(server: RedisServer) -> None:
    with proxy(server.port) as line, closing(open_redis(f"redis://127.0.0.1:{line.port}")) as one:
        one.ping()
        server.kill()
        with suppress(StorageUnavailable):
            one.ping()
        before = line.connections
        told = together([lambda: works(one.ping)] * 100)
        assert not any(told)
        assert line.connections - before <= 2  # at most one more probe, and its second try


def test_a_server_that_does_not_answer_is_not_waited_for_long(server: RedisServer) -> None:
    with closing(open_redis(server.url, timeout_seconds=0.2)) as storage:
        storage.ping()
        server.pause()
        claim = example_claim()
        with pytest.raises(StorageUnavailable, match="does not answer in time"):
            storage.add_claim(claim)
        server.resume()
        # It may have taken the claim from its socket since; the caller repeats the call.
        assert at_last(lambda: storage.add_claim(claim)) == claim
        assert at_last(lambda: storage.open_claims()) == [claim]


@pytest.fixture
def line(server: RedisServer) -> Iterator[Proxy]:
    with proxy(server.port) as line:
        yield line


@pytest.fixture
def lossy(server: RedisServer, line: Proxy) -> Iterator[RedisStorage]:
    """An empty storage behind the line, connected, whose scripts the server knows."""
    with closing(open_redis(f"redis://127.0.0.1:{line.port}")) as storage:
        for call in CALLS:
            call(storage)
        assert server.command("FLUSHALL") == "+OK"
        yield storage


@pytest.mark.parametrize("losses", [1, 2, 3])
class TestLostReplies:
    """The server did what it was told, and the caller was not told so."""

    def test_of_a_claim_that_was_added(self, line: Proxy, lossy: RedisStorage, losses: int) -> None:
        claim = example_claim(transaction_id="d1" * 32)
        line.losses = losses
        assert at_last(lambda: lossy.add_claim(claim)) == claim
        assert line.losses == 0
        assert lossy.add_claim(example_claim(transaction_id="d1" * 32, owner="second")) == claim

    def test_of_a_claim_that_was_changed(
        self, line: Proxy, lossy: RedisStorage, losses: int
    ) -> None:
        claim = example_claim(transaction_id="d1" * 32)
        lossy.add_claim(claim)
        changed, rival = claim.changed(answer=b"told"), claim.changed(answer=b"told")
        line.losses = losses
        assert at_last(lambda: lossy.change_claim(changed))
        assert line.losses == 0
        assert not lossy.change_claim(rival)
        assert lossy.claim("d1" * 32) == changed

    def test_of_a_reservation(self, line: Proxy, lossy: RedisStorage, losses: int) -> None:
        wanted = example_reservation("one", ["aa#0", "bb#0"])
        line.losses = losses
        assert at_last(lambda: lossy.reserve(wanted, 0.0, 1)) is None
        assert line.losses == 0
        told = lossy.reserve(example_reservation("two", ["bb#0"]), 0.0, 1)
        assert told == ReservedElsewhere("bb#0", "one", 100.0)
        lossy.release("one")
        assert lossy.reserve(example_reservation("two", ["bb#0"]), 0.0, 1) is None

    def test_of_a_key_that_was_bound(self, line: Proxy, lossy: RedisStorage, losses: int) -> None:
        line.losses = losses
        assert at_last(lambda: lossy.bind_key("another key", "first", 100.0, 0.0)) == "first"
        assert line.losses == 0
        assert lossy.bind_key("another key", "second", 100.0, 0.0) == "first"

    def test_of_the_lead_and_of_an_entry(
        self, line: Proxy, lossy: RedisStorage, losses: int
    ) -> None:
        line.losses = losses
        assert at_last(lambda: lossy.lead("cardano:preview", "one", 0.0, 100.0))
        line.losses = losses
        assert at_last(lambda: lossy.publish("cardano:preview", "one", 1, b"first", [], 9))
        assert line.losses == 0
        assert list(lossy.published("cardano:preview", 0)) == [Entry(1, b"first")]


def test_one_lost_reply_is_not_noticed(line: Proxy, lossy: RedisStorage) -> None:
    claim = example_claim()
    changed = claim.changed()
    for call, told in (
        (partial(lossy.add_claim, claim), claim),
        (partial(lossy.change_claim, changed), True),
        (partial(lossy.claim, claim.transaction_id), changed),
        (partial(lossy.reserve, example_reservation(), 0.0, 1), None),
        (partial(lossy.bind_key, "key", "first", 1.0, 0.0), "first"),
    ):
        line.losses = 1
        assert call() == told
        assert line.losses == 0


def test_a_removal_whose_reply_was_lost_is_not_repeated(line: Proxy, lossy: RedisStorage) -> None:
    claim = lossy.add_claim(example_claim())
    line.losses = 1
    with pytest.raises(StorageUnavailable):
        lossy.remove_claim(claim)
    assert at_last(lambda: lossy.claim(claim.transaction_id)) is None


def test_scripts_that_the_server_forgot_are_sent_again(
    server: RedisServer, storage: RedisStorage
) -> None:
    claim = storage.add_claim(example_claim())
    assert server.command("SCRIPT", "FLUSH") == "+OK"
    assert storage.add_claim(claim) == claim
    assert storage.change_claim(claim.changed())
    assert server.command("SCRIPT", "FLUSH") == "+OK"
    assert storage.reserve(example_reservation(), 0.0, 1) is None


def test_a_server_that_was_emptied_is_an_empty_storage(
    server: RedisServer, storage: RedisStorage
) -> None:
    storage.add_claim(example_claim())
    storage.reserve(example_reservation("one"), 0.0, 1)
    assert server.command("FLUSHALL") == "+OK"
    assert storage.claim("c1" * 32) is None
    assert list(storage.open_claims()) == []
    assert storage.reserve(example_reservation("two"), 0.0, 1) is None
    assert storage.add_claim(example_claim(owner="second")).owner == "second"


def test_a_full_server_refuses_and_loses_nothing(
    server: RedisServer, storage: RedisStorage
) -> None:
    claim = storage.add_claim(example_claim())
    assert server.command("CONFIG", "SET", "maxmemory", "1") == "+OK"
    with pytest.raises(StorageUnavailable, match="is full; raise its maxmemory"):
        storage.add_claim(example_claim(transaction_id="d1" * 32))
    with pytest.raises(StorageUnavailable, match="is full"):
        storage.ping()
    assert storage.claim("c1" * 32) == claim
    assert server.command("CONFIG", "SET", "maxmemory", "0") == "+OK"
    assert storage.claim("d1" * 32) is None
    storage.ping()


def test_a_replica_is_told(server: RedisServer, storage: RedisStorage) -> None:
    claim = storage.add_claim(example_claim())
    nobody = str(free_port())
    assert server.command("REPLICAOF", "127.0.0.1", nobody) == "+OK"
    with pytest.raises(StorageUnavailable, match="is a replica; name the primary"):
        storage.add_claim(example_claim(transaction_id="d1" * 32))
    assert server.command("REPLICAOF", "NO", "ONE") == "+OK"
    assert storage.add_claim(claim) == claim


def test_sentinel_leads_to_the_new_primary(tmp_path: Path) -> None:
    with replicated(tmp_path) as servers, closing(open_redis(servers.url)) as storage:
        claim = storage.add_claim(example_claim())
        servers.primary.command("WAIT", "1", "10000")
        servers.primary.kill()
        changed = claim.changed(state=ClaimState.SUBMITTED)
        assert at_last(lambda: storage.change_claim(changed))
        assert storage.claim(claim.transaction_id) == changed
        assert "role:master" in servers.replica.command("INFO", "replication")


def test_a_primary_that_was_cut_off_acknowledges_nothing(tmp_path: Path) -> None:
    """Whoever is connected to it is refused, and led to the new one then."""
    with (
        replicated(tmp_path, replicas=2) as servers,
        closing(open_redis(servers.url, timeout_seconds=1.0, replicas=1)) as storage,
    ):
        claim = storage.add_claim(example_claim())
        cut_off(servers.primary, servers.replicas, servers.sentinel)
        changed = claim.changed(state=ClaimState.SUBMITTED)
        with pytest.raises(StorageUnavailable, match="too few of its replicas"):
            storage.change_claim(changed)
        assert at_last(lambda: storage.change_claim(changed))
        for replica in servers.replicas:
            with closing(open_redis(replica.url)) as there:
                assert there.claim(claim.transaction_id) == changed


def test_a_change_that_is_made_again_is_waited_for_again(tmp_path: Path) -> None:
    """The try before it has written it, and no replica had it."""
    with replicated(tmp_path) as servers:
        url = servers.primary.url
        with closing(open_redis(url)) as storage:
            claim = storage.add_claim(example_claim())
        changed = claim.changed(state=ClaimState.SUBMITTED)
        servers.replica.pause()
        for _ in range(2):
            with (
                closing(open_redis(url, timeout_seconds=1.0, replicas=1)) as careful,
                pytest.raises(StorageUnavailable, match="too few of its replicas"),
            ):
                careful.change_claim(changed)
        servers.replica.resume()
        with closing(open_redis(url, replicas=1)) as careful:
            assert careful.change_claim(changed)


def test_a_cluster_leads_to_the_new_primary(tmp_path: Path) -> None:
    key = Names("x402").ping
    with (
        clustered(tmp_path, replica_of=key) as cluster,
        closing(open_redis(cluster.url)) as storage,
    ):
        claim = storage.add_claim(example_claim())
        cluster.owner(key).command("WAIT", "1", "10000")
        cluster.owner(key).kill()
        changed = claim.changed(state=ClaimState.SUBMITTED)
        assert at_last(lambda: storage.change_claim(changed))
        assert storage.claim(claim.transaction_id) == changed


def test_sentinels_that_are_all_away_are_told() -> None:
    port = free_port()
    with closing(open_redis(f"redis+sentinel://127.0.0.1:{port}/main")) as storage:
        with pytest.raises(StorageUnavailable) as caught:
            storage.ping()
        assert f"Redis at 127.0.0.1:{port} (service main) reports no server that is up" in str(
            caught.value
        )


def test_a_cluster_that_is_away_is_told() -> None:
    port = free_port()
    with (
        closing(open_redis(f"redis+cluster://127.0.0.1:{port}")) as storage,
        pytest.raises(StorageUnavailable, match=f"Redis at 127.0.0.1:{port} cannot be"),
    ):
        storage.ping()
