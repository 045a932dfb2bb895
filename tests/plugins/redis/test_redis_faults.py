"""Redis that is away, slow, full or emptied: callers learn of it, and it heals by itself."""

from collections.abc import Iterator
from contextlib import closing, suppress
from functools import partial
from pathlib import Path

import pytest

from facilitator.roles.claim import ClaimState
from facilitator.roles.storage import StorageUnavailable
from facilitator.testing.examples import example_claim, example_reservation
from facilitator.testing.threads import together
from facilitator_redis.names import Names
from facilitator_redis.storage import RedisStorage
from support.proxies import proxy
from support.redis_calls import CALLS, at_last, works
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

pytestmark = needs_redis


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


@pytest.mark.parametrize("number", range(len(CALLS)))
def test_every_call_tells_that_redis_is_away(number: int) -> None:
    port = free_port()
    with closing(open_redis(f"redis://user:hidden@127.0.0.1:{port}/0")) as storage:
        for _ in range(2):  # when it is tried, and when it is not even tried
            with pytest.raises(StorageUnavailable) as caught:
                CALLS[number](storage)
            assert str(caught.value) == "the storage cannot be reached"
            assert caught.value.detail == (
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
    for call in (
        lambda: storage.add_claim(example_claim(transaction_id="d1" * 32)),
        storage.ping,
    ):
        with pytest.raises(StorageUnavailable, match="refuses to work") as caught:
            call()
        assert "is full; raise its maxmemory" in caught.value.detail
    assert storage.claim("c1" * 32) == claim
    assert server.command("CONFIG", "SET", "maxmemory", "0") == "+OK"
    assert storage.claim("d1" * 32) is None
    storage.ping()


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
        with pytest.raises(StorageUnavailable, match="is not ready"):
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
                pytest.raises(StorageUnavailable, match="is not ready"),
            ):
                careful.change_claim(changed)
        servers.replica.resume()
        with closing(open_redis(url, replicas=1)) as careful:
            assert careful.change_claim(changed)


def test_a_change_that_no_replica_has_is_not_handed_over(tmp_path: Path) -> None:
    """It does not count yet, and another one may take its place after a failover."""
    claim = example_claim().changed(state=ClaimState.SUBMITTED)
    with (
        replicated(tmp_path) as servers,
        closing(open_redis(servers.primary.url, timeout_seconds=1.0, replicas=1)) as storage,
    ):
        storage.keep_changes()
        servers.replica.pause()
        for change in (lambda: storage.add_claim(claim), lambda: storage.changes(10)):
            with pytest.raises(StorageUnavailable, match="is not ready"):
                change()
        servers.replica.resume()
        assert [each.claim for each in at_last(lambda: storage.changes(10))] == [claim]


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
        with pytest.raises(StorageUnavailable, match="cannot be reached") as caught:
            storage.ping()
        expected = f"Redis at 127.0.0.1:{port} (service main) reports no server that is up"
        assert expected in caught.value.detail


def test_a_cluster_that_is_away_is_told() -> None:
    port = free_port()
    with (
        closing(open_redis(f"redis+cluster://127.0.0.1:{port}")) as storage,
        pytest.raises(StorageUnavailable, match="cannot be reached") as caught,
    ):
        storage.ping()
    assert f"Redis at 127.0.0.1:{port} cannot be reached" in caught.value.detail
