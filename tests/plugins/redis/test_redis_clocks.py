"""Processes whose clocks are an hour apart, on one Redis that has a clock of its own."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from facilitator.roles.sharing import Lease
from facilitator.roles.storage import HasServerTime, ReservedElsewhere, TooManyReservations
from facilitator.testing.clock import ManualClock
from facilitator.testing.examples import example_reservation
from facilitator_redis.names import Names
from facilitator_redis.storage import RedisStorage
from support.redis_plugin import storage_of
from support.redis_servers import Cluster, RedisServer, needs_redis
from support.redis_storages import open_redis, storage_at

pytestmark = needs_redis

HOUR = 3_600.0
NOW = 1_765_000_000.0
SKEWS = pytest.mark.parametrize("ahead", [HOUR, -HOUR], ids=["ahead", "behind"])

Open = Callable[[], RedisStorage]


@pytest.fixture
def clock() -> ManualClock:
    """The server's clock."""
    return ManualClock(NOW)


@pytest.fixture
def open_one(redis_server: RedisServer, prefix: str, clock: ManualClock) -> Iterator[Open]:
    """Open another process' storage."""
    with ExitStack() as stack:

        def open_storage() -> RedisStorage:
            storage = storage_at(redis_server.url, clock, prefix)
            stack.callback(storage.close)
            return storage

        yield open_storage


def hold(storage: RedisStorage, name: str, now: float, *, is_settling: bool = False) -> object:
    """Have the process hold one input for two minutes of its own clock."""
    payer = f"payer of {name}"
    wanted = example_reservation(name, ["aa#0"], payer, now + 120, is_settling=is_settling)
    return storage.reserve(wanted, now, 1)


@SKEWS
@pytest.mark.parametrize("is_settling", [True, False])
def test_a_hold_lasts_as_long_as_it_was_made_for(
    open_one: Open, clock: ManualClock, ahead: float, is_settling: bool
) -> None:
    """Whatever the clock of its process says; others read its end by their own clocks."""
    skewed, right = open_one(), open_one()
    assert hold(skewed, "one", NOW + ahead, is_settling=is_settling) is None
    clock.advance(119)
    refused = hold(right, "two", NOW + 119)
    assert refused == ReservedElsewhere("aa#0", "one", NOW + 120, is_settling=is_settling)
    assert right.is_reserved("one", NOW + 119)
    clock.advance(1)
    assert not right.is_reserved("one", NOW + 120)
    assert hold(right, "two", NOW + 120) is None


def test_a_hold_is_cut_to_its_length_when_the_servers_clock_falls_back(
    redis_server: RedisServer, prefix: str, clock: ManualClock
) -> None:
    """As after a failover to a server whose clock is an hour behind."""
    with (
        closing(storage_at(redis_server.url, ManualClock(NOW + HOUR), prefix)) as before,
        closing(storage_at(redis_server.url, clock, prefix)) as after,
    ):
        assert hold(before, "one", NOW) is None
        refused = hold(after, "two", NOW)
        assert refused == ReservedElsewhere("aa#0", "one", NOW + 120, is_settling=False)
        clock.advance(120)
        assert hold(after, "two", NOW + 120) is None


@SKEWS
def test_a_process_with_a_wrong_clock_ends_no_hold_of_others(
    open_one: Open, clock: ManualClock, ahead: float
) -> None:
    skewed, right = open_one(), open_one()
    assert hold(right, "one", NOW) is None
    clock.advance(10)
    refused = hold(skewed, "two", NOW + 10 + ahead)
    assert refused == ReservedElsewhere("aa#0", "one", NOW + 120 + ahead, is_settling=False)
    assert skewed.is_reserved("one", NOW + 10 + ahead)
    assert right.is_reserved("one", NOW + 10)


def test_a_payers_limit_counts_the_holds_of_all_processes(
    open_one: Open, clock: ManualClock
) -> None:
    skewed, right = open_one(), open_one()
    one = example_reservation("one", ["aa#0"], expires_at=NOW + HOUR + 120, is_settling=False)
    two = example_reservation("two", ["bb#0"], expires_at=NOW + 240, is_settling=False)
    assert skewed.reserve(one, NOW + HOUR, 1) is None
    assert right.reserve(two, NOW, 1) == TooManyReservations(1)
    clock.advance(120)
    assert right.reserve(two, NOW + 120, 1) is None


@SKEWS
def test_a_key_is_bound_for_its_time_on_the_servers_clock(
    redis_server: RedisServer, prefix: str, ahead: float
) -> None:
    with ExitStack() as stack:
        skewed, right = (
            stack.enter_context(closing(open_redis(redis_server.url, prefix))) for _ in range(2)
        )
        skewed.bind_key("key", "first", NOW + ahead + 500, NOW + ahead)
        assert 499 < left(redis_server, prefix) <= 500
        for now in (NOW, NOW + 24 * HOUR):  # it is bound as long as the server has it
            assert right.bind_key("key", "second", now + 500, now) == "first"
            assert right.bound_to("key", now) == "first"
        skewed.bound_to("key", NOW + ahead)
        assert skewed.change_key("key", "first", "third", NOW + ahead + 900)
        assert 890 < left(redis_server, prefix) <= 900
        assert right.bound_to("key", NOW) == "third"


def left(server: RedisServer, prefix: str) -> float:
    """The seconds for which the server keeps the key."""
    return int(server.command("PTTL", Names(prefix).key("key")).removeprefix(":")) / 1000


def test_a_binding_of_the_former_version_holds(redis_server: RedisServer, prefix: str) -> None:
    """It has no clock's name: as the server keeps it, it counts."""
    redis_server.command("SET", Names(prefix).key("key"), f"{NOW} first", "PX", "60000")
    with closing(open_redis(redis_server.url, prefix)) as storage:
        assert storage.bound_to("key", NOW + HOUR) == "first"
        assert storage.bind_key("key", "second", NOW + 500, NOW + HOUR) == "first"
        assert storage.change_key("key", "first", "second", NOW + HOUR + 500)
        assert storage.bound_to("key", NOW + HOUR) == "second"


def test_reservations_of_the_former_version_are_left_alone_and_forgotten(
    redis_server: RedisServer, prefix: str, tmp_path: Path
) -> None:
    """They last for minutes. Processes of that version may still use them meanwhile."""
    ends, records, inputs, payers = Names(prefix).former_reservations
    redis_server.command("ZADD", ends, str(NOW + 120), "one")
    redis_server.command("HSET", records, "one", '["payer","aa#0"]')
    redis_server.command("HSET", inputs, "aa#0", "one")
    redis_server.command("HSET", payers, "payer", "1")
    for _ in range(2):
        with closing(storage_of(tmp_path, url=redis_server.url, prefix=prefix)) as storage:
            for now in (NOW, NOW + 200):
                hold = example_reservation("two", ["aa#0"], "payer", now + 120, is_settling=False)
                assert storage.reserve(hold, now, 1) is None
                storage.release("one")
                assert storage.cancel("two")
    for key in (ends, records, inputs, payers):
        assert 0 < int(redis_server.command("PTTL", key).removeprefix(":")) <= 24 * HOUR * 1000


def test_a_lease_of_the_former_version_is_one(redis_server: RedisServer, prefix: str) -> None:
    redis_server.command("SET", Names(prefix).leader("cardano:preprod"), f"{NOW + 15} former")
    with closing(open_redis(redis_server.url, prefix)) as storage:
        lease = storage.lead("cardano:preprod", "one", NOW, NOW + 15)
        assert lease == Lease("former", NOW + 15)
        own = storage.lead("cardano:preprod", "one", NOW, NOW + 15, over=lease)
        assert own == Lease("one", NOW + 15)


def test_the_servers_time_can_be_asked_for(redis_server: RedisServer) -> None:
    with closing(open_redis(redis_server.url)) as storage:
        assert isinstance(storage, HasServerTime)
        before = time.time()
        assert before - 0.001 <= storage.server_time() <= time.time() + 0.001


def test_a_clusters_time_is_that_of_the_node_with_the_records(redis_cluster: Cluster) -> None:
    with closing(open_redis(redis_cluster.url)) as storage:
        before = time.time()
        assert before - 0.001 <= storage.server_time() <= time.time() + 0.001
