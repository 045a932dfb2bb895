"""Replies that are lost: the server did what it was asked for, and the caller does not know it."""

from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from facilitator.roles.sharing import Entry, Lease
from facilitator.roles.storage import ReservedElsewhere, StorageUnavailable
from facilitator.testing.examples import example_claim, example_reservation
from facilitator_redis.storage import RedisStorage
from support.proxies import Proxy, proxy
from support.redis_calls import CALLS, at_last
from support.redis_servers import RedisServer, needs_redis, running
from support.redis_storages import open_redis

pytestmark = needs_redis


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with running(tmp_path / "server") as server:
        yield server


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
        refused = lossy.reserve(example_reservation("two", ["bb#0"]), 0.0, 1)
        assert refused == ReservedElsewhere("bb#0", "one", 100.0, is_settling=True)
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
        lead = at_last(lambda: lossy.lead("cardano:preview", "one", 0.0, 100.0))
        assert lead == Lease("one", 100.0)
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
