"""A failover behind one name: open connections lead to the old primary, new ones to its heir."""

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path

import pytest

from facilitator.roles.claim import ClaimState
from facilitator.roles.storage import StorageUnavailable
from facilitator.testing.examples import example_claim, example_reservation
from facilitator.testing.threads import together
from facilitator.testing.waiting import eventually
from facilitator_redis.storage import RedisStorage
from support.proxies import Proxy, proxy
from support.redis_calls import CALLS, at_last, works
from support.redis_servers import (
    RedisServer,
    clustered,
    free_port,
    is_linked,
    needs_redis,
    replicated,
    running,
)
from support.redis_storages import open_redis

pytestmark = needs_redis

CONNECTIONS = 30


class Named:
    """A primary and its replica behind one name, as at a provider of managed Redis."""

    def __init__(self, old: RedisServer, new: RedisServer, name: Proxy) -> None:
        self.old, self.new, self.name = old, new, name

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.name.port}/0"

    def promote(self) -> None:
        assert self.new.command("REPLICAOF", "NO", "ONE") == "+OK"

    def demote(self) -> None:
        assert self.old.command("REPLICAOF", "127.0.0.1", str(self.new.port)) == "+OK"

    def fail_over(self) -> None:
        self.name.lead_to(self.new.port)
        self.promote()
        self.demote()


@pytest.fixture
def named(tmp_path: Path) -> Iterator[Named]:
    with ExitStack() as stack:
        old = stack.enter_context(running(tmp_path / "old"))
        of_old = ("--replicaof", f"127.0.0.1 {old.port}")
        new = stack.enter_context(running(tmp_path / "new", *of_old))
        eventually(partial(is_linked, new))
        yield Named(old, new, stack.enter_context(proxy(old.port)))


def open_many(storage: RedisStorage, server: RedisServer, name: Proxy) -> None:
    """Have it open many connections: while the server pauses, each call needs one of its own."""
    before = name.connections
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        server.pause()
        pings = [pool.submit(storage.ping) for _ in range(CONNECTIONS)]
        eventually(lambda: name.connections - before >= CONNECTIONS - 1)
        server.resume()
        for each in pings:
            each.result()


@pytest.fixture
def storage(named: Named) -> Iterator[RedisStorage]:
    """It has many open connections, and the servers know its scripts."""
    with closing(open_redis(named.url)) as storage:
        for call in CALLS:
            call(storage)
        open_many(storage, named.old, named.name)
        yield storage


def clients(server: RedisServer) -> int:
    """The connections of facilitators that the server has open."""
    return server.command("CLIENT", "LIST").count("name=x402-facilitator")


def test_no_call_fails_after_a_failover(named: Named, storage: RedisStorage) -> None:
    claim = storage.add_claim(example_claim(transaction_id="d1" * 32))
    assert named.old.command("WAIT", "1", "10000") == ":1"
    named.fail_over()
    changed = claim.changed(state=ClaimState.SUBMITTED)
    assert storage.change_claim(changed)
    for call in CALLS:
        call(storage)
    with closing(open_redis(named.new.url)) as there:
        assert there.claim(claim.transaction_id) == changed
    eventually(lambda: clients(named.old) == 0)


@pytest.mark.parametrize(
    "call",
    [
        lambda storage: storage.remove_claim(example_claim(transaction_id="f1" * 32)),
        lambda storage: storage.cancel("d1" * 32),
        lambda storage: storage.forget_claims(500.0),
        lambda storage: storage.release("c1" * 32),
    ],
)
def test_a_call_that_must_not_run_twice_goes_on_too(
    named: Named, storage: RedisStorage, call: Callable[[RedisStorage], object]
) -> None:
    """The old primary refused it before it did anything."""
    storage.add_claim(example_claim(transaction_id="f1" * 32))
    storage.add_claim(example_claim(transaction_id="e1" * 32, state=ClaimState.SETTLED))
    storage.reserve(example_reservation("d1" * 32, ["bb#0"], is_settling=False), 0.0, 5)
    assert named.old.command("WAIT", "1", "10000") == ":1"
    named.fail_over()
    assert call(storage) in (True, None)


def test_many_calls_at_once_go_on(named: Named, storage: RedisStorage) -> None:
    named.fail_over()
    claims = [example_claim(transaction_id=f"{number:064x}") for number in range(100)]
    assert together([partial(storage.add_claim, claim) for claim in claims]) == claims


def test_a_demoted_server_is_reported_while_the_name_leads_to_it(
    named: Named, storage: RedisStorage, caplog: pytest.LogCaptureFixture
) -> None:
    named.demote()
    caplog.set_level(logging.INFO, "facilitator.redis")
    for _ in range(3):
        for call in (storage.ping, partial(storage.add_claim, example_claim())):
            with pytest.raises(StorageUnavailable, match="is not ready") as caught:
                call()
    detail = f"Redis at 127.0.0.1:{named.name.port} is a replica; wait until its name leads to"
    assert detail in caught.value.detail
    assert str(caught.value) == "the storage is not ready"
    named.name.lead_to(named.new.port)
    named.promote()
    at_last(storage.ping)
    lines = [(each.levelname, each.getMessage()) for each in caplog.records]
    assert lines == [
        ("ERROR", caught.value.detail),
        ("INFO", f"Redis at 127.0.0.1:{named.name.port} takes changes again"),
    ]


def test_a_primary_without_replicas_is_left_for_its_heir(
    named: Named, storage: RedisStorage
) -> None:
    """It is cut off, and refuses changes by its own settings."""
    assert named.new.command("REPLICAOF", "NO", "ONE") == "+OK"
    assert named.old.command("CONFIG", "SET", "min-replicas-to-write", "1") == "+OK"
    with pytest.raises(StorageUnavailable, match="is not ready") as caught:
        storage.ping()
    assert "has too few replicas to take changes" in caught.value.detail
    named.name.lead_to(named.new.port)
    at_last(storage.ping)


@pytest.mark.parametrize(
    "refusal",
    [
        ("CONFIG", "SET", "maxmemory", "1"),
        ("ACL", "SETUSER", "default", "-@all", "+ping", "+hello", "+client"),
    ],
    ids=["full", "forbidden"],
)
def test_a_former_primary_that_refuses_as_the_right_one_might_is_left(
    named: Named, storage: RedisStorage, refusal: tuple[str, ...]
) -> None:
    """It does not say that it is none: it is full, or closed to its users meanwhile."""
    named.name.lead_to(named.new.port)
    named.promote()
    assert named.old.command(*refusal) == "+OK"
    claim = example_claim(transaction_id="d2" * 32)
    assert not works(lambda: storage.add_claim(claim))
    assert at_last(lambda: storage.add_claim(claim)) == claim
    with closing(open_redis(named.new.url)) as there:
        assert there.claim(claim.transaction_id) == claim


def test_a_replica_without_its_primary_is_left_for_the_heir(
    named: Named, storage: RedisStorage
) -> None:
    """It answers not even reads."""
    assert named.old.command("CONFIG", "SET", "replica-serve-stale-data", "no") == "+OK"
    assert named.old.command("REPLICAOF", "127.0.0.1", str(free_port())) == "+OK"
    with pytest.raises(StorageUnavailable, match="is not ready"):
        storage.claim("c1" * 32)
    named.name.lead_to(named.new.port)
    named.promote()
    assert at_last(partial(storage.claim, "c1" * 32)) == example_claim(version=1)


def test_a_primary_that_hangs_is_left_with_all_its_connections(named: Named) -> None:
    """One time-out is enough: no other call tries another connection to it."""
    with closing(open_redis(named.url, timeout_seconds=5.0)) as storage:
        storage.ping()
        open_many(storage, named.old, named.name)
        named.old.pause()
        named.name.lead_to(named.new.port)
        named.promote()
        with pytest.raises(StorageUnavailable, match="does not answer in time"):
            storage.ping()
        at_last(storage.ping)
        open_many(storage, named.new, named.name)


# --- Sentinel and Cluster -------------------------------------------------------------------------


def test_a_failover_by_sentinel_leaves_no_call_with_the_old_primary(tmp_path: Path) -> None:
    with replicated(tmp_path) as servers, closing(open_redis(servers.url)) as storage:
        together([storage.ping] * CONNECTIONS)
        eventually(lambda: servers.sentinel.shows("+OK", "SENTINEL", "FAILOVER", "main"))
        eventually(lambda: servers.primary.shows("role:slave", "INFO", "replication"))
        eventually(lambda: servers.replica.shows("role:master", "INFO", "replication"))
        claim = at_last(lambda: storage.add_claim(example_claim()))
        assert all(together([partial(works, storage.ping)] * CONNECTIONS))
        with closing(open_redis(servers.replica.url)) as there:
            assert there.claim(claim.transaction_id) == claim


@pytest.mark.parametrize("leave", [RedisServer.kill, lambda node: node.command("CLUSTER", "RESET")])
def test_a_cluster_whose_nodes_were_all_replaced_is_found_by_its_names(
    tmp_path: Path, leave: Callable[[RedisServer], object]
) -> None:
    """The names in the URL lead to other nodes now; of the former ones none is left."""
    with ExitStack() as stack:
        former = stack.enter_context(clustered(tmp_path / "former"))
        names = [stack.enter_context(proxy(node.port)) for node in former.nodes[:2]]
        url = "redis+cluster://" + ",".join(f"127.0.0.1:{name.port}" for name in names)
        storage = stack.enter_context(closing(open_redis(url)))
        together([storage.ping] * CONNECTIONS)
        present = stack.enter_context(clustered(tmp_path / "present"))
        for node in former.nodes:
            node.command("FLUSHALL")
            leave(node)
        assert not works(storage.ping)
        for name, node in zip(names, present.nodes, strict=False):
            name.lead_to(node.port)
        claim = at_last(lambda: storage.add_claim(example_claim()))
        with closing(open_redis(present.url)) as there:
            assert there.claim(claim.transaction_id) == claim


def test_threads_that_wait_for_a_cluster_do_not_all_connect(tmp_path: Path) -> None:
    """One of them finds that it is away."""
    with clustered(tmp_path) as cluster, ExitStack() as stack:
        names = [stack.enter_context(proxy(node.port)) for node in cluster.nodes[:2]]
        url = "redis+cluster://" + ",".join(f"127.0.0.1:{name.port}" for name in names)
        storage = stack.enter_context(closing(open_redis(url)))
        together([storage.ping] * CONNECTIONS)
        for node in cluster.nodes:
            node.kill()
        before = sum(name.connections for name in names)
        assert not any(together([partial(works, storage.ping)] * CONNECTIONS))
        assert sum(name.connections for name in names) - before <= 2 * len(names)
