"""A fleet asks the provider once: one process leads, the others hear of it."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from itertools import count
from pathlib import Path
from typing import Any

import cbor2
import pytest

from facilitator.chain import followed_chain, follower
from facilitator.chain.chain_update import ChainUpdate
from facilitator.chain.followed_chain import FollowedChain, build_followed_chain
from facilitator.chain.follower import RESUMABLE_BLOCKS
from facilitator.roles.chain import Spent, Unspent
from facilitator.roles.sharing import Entry, Lease, SharedOutput
from facilitator.roles.storage import StorageUnavailable
from facilitator.testing.clock import ManualClock
from facilitator.testing.payments import ALICE, MERCHANT, genesis_utxos
from facilitator.testing.running import NETWORK, NOW
from facilitator.testing.waiting import eventually
from facilitator_devnet.devnet import Devnet
from facilitator_devnet.genesis import PARAMETERS
from facilitator_devnet.wallet import pay
from facilitator_sqlite.storage import SqliteStorage
from support.polled import PolledChain
from support.redis_servers import needs_redis, running
from support.redis_storages import open_redis

pytestmark = pytest.mark.once


class Process:
    """What one process of a fleet has: its own provider, its own connection to the storage."""

    def __init__(self, devnet: Devnet, storage: Any, clock: ManualClock) -> None:
        self.provider = PolledChain(devnet)
        self.storage = storage
        self.faults: list[BaseException] = []
        self.chain = build_followed_chain(self.provider, storage, clock, self.faults.append)
        self.updates: list[ChainUpdate] = []
        self.chain.follower.subscribe(self.updates.append)

    @property
    def blocks(self) -> list[str]:
        """Hashes of the blocks it heard of."""
        return [block.point.block for update in self.updates for block in update.blocks]

    def wait_for(self, made: list[str]) -> None:
        """Wait until these are the newest blocks that it heard of: it knows of them before."""
        eventually(lambda: self.blocks[-len(made) :] == made)

    def knows(self, devnet: Devnet) -> bool:
        """Whether it is needed, knows the newest block and trusts what it knows."""
        follower = self.chain.follower
        return follower.follow() == devnet.tip() and follower.epoch is not None


class Fleet:
    """Processes over one chain and one database."""

    def __init__(self, devnet: Devnet, open_storage: Callable[[], Any]) -> None:
        self.devnet = devnet
        self.clock = ManualClock(NOW)
        self._open_storage = open_storage
        self._stack = ExitStack()
        self.processes: list[Process] = []

    def start(self, clock: ManualClock | None = None) -> Process:
        storage = self._open_storage()
        self._stack.callback(storage.close)
        process = Process(self.devnet, storage, clock or self.clock)
        self._stack.callback(process.chain.follower.close)
        self.processes.append(process)
        return process

    def start_in_turn(self, count: int) -> list[Process]:
        """Start processes that follow; each has joined the feed before the next starts."""
        started = [self.start() for _ in range(count)]
        for process in started:
            follower = process.chain.follower
            follower.follow()
            eventually(lambda follower=follower: follower.feed_offset is not None)  # type: ignore[misc]
        return started

    def settle_down(self) -> None:
        """Wait until every process knows the newest block; all are needed meanwhile."""

        def all_know() -> bool:
            known = [process.knows(self.devnet) for process in self.processes]
            return all(known)

        eventually(all_know)

    def make_blocks(self, count: int) -> list[str]:
        """Make blocks, each heard of by everyone before the next."""
        made = []
        for _ in range(count):
            made.append(self.devnet.produce_block().point.block)
            self.settle_down()
        return made

    def close(self) -> None:
        self._stack.close()
        for process in self.processes:
            assert process.faults == []


@pytest.fixture
def devnet() -> Iterator[Devnet]:
    with closing(Devnet(NETWORK, ManualClock(NOW))) as devnet:
        yield devnet


@pytest.fixture
def redis_fleet(devnet: Devnet, tmp_path: Path) -> Iterator[Fleet]:
    with (
        running(tmp_path / "redis") as server,
        closing(Fleet(devnet, lambda: open_redis(server.url))) as fleet,
    ):
        yield fleet


@pytest.fixture(params=["sqlite", pytest.param("redis", marks=needs_redis)])
def fleet(request: pytest.FixtureRequest, devnet: Devnet, tmp_path: Path) -> Iterator[Fleet]:
    if request.param == "redis":
        yield request.getfixturevalue("redis_fleet")
    else:
        with closing(Fleet(devnet, lambda: SqliteStorage(str(tmp_path / "fleet.db")))) as fleet:
            yield fleet


def asked(process: Process) -> int:
    return process.provider.calls["blocks_after"]


def test_one_process_asks_and_all_hear_of_every_block(fleet: Fleet) -> None:
    first, second, third = (fleet.start() for _ in range(3))
    first.chain.follower.follow()
    eventually(lambda: asked(first))
    for process in (second, third):
        process.chain.follower.follow()
    fleet.settle_down()
    made = fleet.make_blocks(5)
    for process in fleet.processes:
        process.wait_for(made)
    assert asked(second) == asked(third) == 0
    assert second.provider.calls["tip"] == third.provider.calls["tip"] == 0


def test_when_the_leader_ends_another_goes_on_without_a_gap(fleet: Fleet) -> None:
    first, second = fleet.start(), fleet.start()
    first.chain.follower.follow()
    eventually(lambda: asked(first))
    second.chain.follower.follow()
    made = fleet.make_blocks(2)
    first.chain.follower.close()
    fleet.processes.remove(first)
    made += fleet.make_blocks(2)
    second.wait_for(made)
    assert all(update.contiguous for update in second.updates)
    assert second.provider.calls["tip"] == 0


def test_when_the_leader_dies_another_goes_on_after_its_lease(fleet: Fleet) -> None:
    first, second = fleet.start(), fleet.start()
    first.chain.follower.follow()
    eventually(lambda: asked(first))
    second.chain.follower.follow()
    made = fleet.make_blocks(2)
    first.provider.is_down = True  # it resigns; as good as dead for the others
    fleet.processes.remove(first)
    made += fleet.make_blocks(2)
    second.wait_for(made)
    assert all(update.contiguous for update in second.updates)


def test_a_killed_leaders_lease_runs_out(fleet: Fleet) -> None:
    """Nobody resigned for it."""
    fleet.start().storage.lead(NETWORK, "killed", NOW, NOW + 5)
    process = fleet.start()
    process.chain.follower.follow()
    fleet.clock.advance(5)
    fleet.processes = [process]
    made = fleet.make_blocks(2)
    process.wait_for(made)


@pytest.mark.parametrize("ahead", [3600.0, 20.0])
def test_a_killed_leader_is_replaced_though_its_clock_was_ahead(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch, ahead: float
) -> None:
    monkeypatch.setattr(followed_chain, "LEASE_SECONDS", 1.0)
    fleet.start().storage.lead(NETWORK, "killed", NOW + ahead, NOW + ahead + 1)
    process = fleet.start()
    process.chain.follower.follow()
    fleet.processes = [process]
    made = fleet.make_blocks(2)
    process.wait_for(made)


@pytest.mark.parametrize("ahead", [3600.0, -3600.0])
def test_who_joins_a_fleet_of_another_time_sees_every_block(fleet: Fleet, ahead: float) -> None:
    first = fleet.start(ManualClock(NOW + ahead))
    first.chain.follower.follow()
    eventually(lambda: asked(first))
    fleet.make_blocks(2)
    second = fleet.start()
    second.chain.follower.follow()
    made = fleet.make_blocks(3)
    for process in fleet.processes:
        process.wait_for(made)
        assert all(update.contiguous for update in process.updates)


@pytest.mark.parametrize(
    ("missed", "waiting", "are_read"),
    [(10, 0, True), (RESUMABLE_BLOCKS + 10, 0, False), (RESUMABLE_BLOCKS + 10, 1000, True)],
)
def test_after_a_pause_missed_blocks_are_read_if_that_is_worth_it(
    fleet: Fleet, missed: int, waiting: int, *, are_read: bool
) -> None:
    """If they are few, or many settlements wait for them; whatever the clocks say of the pause."""
    first = fleet.start()
    first.chain.follower.follow()
    fleet.make_blocks(2)
    first.chain.follower.close()
    made = [fleet.devnet.produce_block().point.block for _ in range(missed)]
    second = fleet.start()
    second.chain.follower.subscribe(lambda _: None, needs=lambda: waiting)
    fleet.processes = [second]
    made += fleet.make_blocks(1)
    made += fleet.make_blocks(1)
    second.wait_for(made[-1:])
    assert (second.blocks[-len(made) :] == made) is are_read
    assert all(update.contiguous for update in second.updates) is are_read


def test_what_a_killed_leader_published_is_not_trusted_for_long(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though its lease goes on, and the clock stands still, as when it is put back."""
    first, second = fleet.start(), fleet.start()
    renewed = count(NOW)
    monkeypatch.setattr(second.storage, "lead", lambda *_: Lease("another", next(renewed)))
    first.chain.follower.follow()
    eventually(lambda: asked(first))
    second.chain.follower.follow()
    fleet.make_blocks(1)
    first.chain.follower.close()
    monkeypatch.setattr(follower, "_SLACK_SECONDS", 2.0)

    def distrusts() -> bool:
        second.chain.follower.follow()
        return second.chain.follower.epoch is None

    eventually(distrusts)
    assert asked(second) == 0


def test_a_process_that_cannot_reach_the_storage_follows_for_itself(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And finds back when it can: what it missed meanwhile counts as a gap."""
    first, second = fleet.start(), fleet.start()
    first.chain.follower.follow()
    eventually(lambda: asked(first))
    second.chain.follower.follow()
    fleet.make_blocks(1)

    def unavailable(*_: object) -> None:
        raise StorageUnavailable("the storage is away")

    with monkeypatch.context() as away:
        for method in ("lead", "published", "publish"):
            away.setattr(second.storage, method, unavailable)
        made = fleet.make_blocks(3)
        eventually(lambda: asked(second))
        second.wait_for(made)
    eventually(lambda: not all(update.contiguous for update in second.updates))
    made = fleet.make_blocks(2)
    calls = asked(second)
    second.wait_for(made)
    made = fleet.make_blocks(2)
    assert asked(second) == calls


@pytest.mark.parametrize("content", [b"7", b'{"form":2}'])
def test_a_process_that_cannot_read_the_feed_follows_for_itself(
    fleet: Fleet,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    content: bytes,
) -> None:
    """A newer facilitator leads, as while a fleet is upgraded. It joins when it can read again."""
    first, second = fleet.start(), fleet.start()
    first.chain.follower.follow()
    eventually(lambda: asked(first))
    published = second.storage.published

    def of_another_form(network: str, after: int) -> list[Entry]:
        return [each._replace(content=content) for each in published(network, after)]

    with monkeypatch.context() as newer:
        newer.setattr(second.storage, "published", of_another_form)
        second.chain.follower.follow()
        made = fleet.make_blocks(3)
        second.wait_for(made)
        assert asked(second) > 1
        assert caplog.text.count("alone: the process that follows the chain for all") == 1
    made = fleet.make_blocks(2)
    second.wait_for(made)


@needs_redis
def test_a_feed_that_was_lost_begins_anew(devnet: Devnet, tmp_path: Path) -> None:
    with (
        running(tmp_path / "redis") as server,
        closing(Fleet(devnet, lambda: open_redis(server.url))) as fleet,
    ):
        first, second = fleet.start(), fleet.start()
        first.chain.follower.follow()
        eventually(lambda: asked(first))
        second.chain.follower.follow()
        fleet.make_blocks(2)
        server.command("FLUSHALL")
        made = fleet.make_blocks(2)
        for process in fleet.processes:
            missed = set(made) - set(process.blocks)
            assert not missed or not all(update.contiguous for update in process.updates)
        made = fleet.make_blocks(2)
        for process in fleet.processes:
            process.wait_for(made)


def test_a_rollback_is_heard_of_by_all(fleet: Fleet, devnet: Devnet) -> None:
    for _ in range(2):
        fleet.start().chain.follower.follow()
    fleet.make_blocks(3)
    devnet.rollback(2)
    made = fleet.make_blocks(1)
    for process in fleet.processes:
        assert any(update.rolled_back_to is not None for update in process.updates) or not all(
            update.contiguous for update in process.updates
        )
        process.wait_for(made)


def ask(chain: FollowedChain, number: int) -> object:
    ref = list(genesis_utxos(ALICE))[number]
    return chain.outputs.outputs([ref])[ref]


@needs_redis
def test_what_one_process_looked_up_all_know(redis_fleet: Fleet) -> None:
    first, second = redis_fleet.start_in_turn(2)
    redis_fleet.make_blocks(1)
    ask(second.chain, 1)  # it trusts what is looked up from its own first question on
    assert isinstance(ask(first.chain, 0), Unspent)
    assert ask(second.chain, 0) == ask(first.chain, 0)
    assert first.provider.calls["outputs"] == 1
    assert second.provider.calls["outputs"] == 1


@needs_redis
@pytest.mark.parametrize("content", [b"", cbor2.dumps({"form": 2})])
def test_a_shared_output_that_cannot_be_read_is_looked_up(
    redis_fleet: Fleet, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    """A newer facilitator shares it, whose outputs may hold what this one does not know."""
    first, second = redis_fleet.start_in_turn(2)
    redis_fleet.make_blocks(1)
    ask(second.chain, 1)
    assert isinstance(ask(first.chain, 0), Unspent)
    shared_outputs = second.storage.shared_outputs

    def of_another_form(network: str, refs: list[str]) -> dict[str, SharedOutput]:
        found = shared_outputs(network, refs)
        return {ref: each._replace(content=content) for ref, each in found.items()}

    monkeypatch.setattr(second.storage, "shared_outputs", of_another_form)
    assert ask(second.chain, 0) == ask(first.chain, 0)
    assert second.provider.calls["outputs"] == 2


@needs_redis
def test_what_was_looked_up_before_this_process_followed_is_not_trusted(redis_fleet: Fleet) -> None:
    """A block in between may have spent it, unseen by this one."""
    first = redis_fleet.start()
    first.chain.follower.follow()
    redis_fleet.make_blocks(1)
    ask(first.chain, 0)
    redis_fleet.make_blocks(1)
    second = redis_fleet.start()
    second.chain.follower.follow()
    redis_fleet.settle_down()
    assert not isinstance(ask(second.chain, 0), Spent)
    assert second.provider.calls["outputs"] == 1


def start_while_nothing_is_published(fleet: Fleet) -> tuple[Process, Process]:
    """Return a leader that has asked the provider once, and one that follows it."""
    started = fleet.start(), fleet.start()
    for process in started:
        process.provider.poll_seconds = 3600.0
        follower = process.chain.follower
        follower.follow()
        eventually(lambda follower=follower: follower.feed_offset is not None)  # type: ignore[misc]
    return started


def test_who_joins_asks_once_for_an_output_before_it_hears_of_a_block(fleet: Fleet) -> None:
    """The next block may come in a while, and a payment is verified and settled before."""
    _, joining = start_while_nothing_is_published(fleet)
    asked = [ask(joining.chain, 0) for _ in range(3)]
    assert isinstance(asked[0], Unspent)
    assert asked == [asked[0]] * 3
    assert joining.chain.follower.epoch is None
    assert joining.provider.calls["outputs"] == 1


def test_who_began_alone_asks_once_when_another_leads(fleet: Fleet) -> None:
    """Of two that start together one leads, and the other one joins what that publishes."""
    alone, leader = fleet.start(), fleet.start()
    for process in (alone, leader):
        process.provider.poll_seconds = 3600.0
    alone.storage.lead = lambda *_: Lease("another", NOW + 60)
    alone.chain.follower.follow()
    assert alone.chain.follower.asks
    leader.chain.follower.follow()
    eventually(lambda: alone.chain.follower.feed_offset is not None)
    eventually(lambda: alone.chain.follower.epoch is None)
    assert isinstance(ask(alone.chain, 0), Unspent)
    assert ask(alone.chain, 0) == ask(alone.chain, 0)
    assert alone.provider.calls["outputs"] == 1


def test_what_was_asked_while_joining_counts_for_a_while(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For as long as what is cached while blocks are followed may be older than a block."""
    _, joining = start_while_nothing_is_published(fleet)
    ask(joining.chain, 0)
    later = time.monotonic() + 2 * joining.provider.poll_seconds + follower._SLACK_SECONDS
    monkeypatch.setattr("facilitator.chain.follower.time.monotonic", lambda: later)
    ask(joining.chain, 0)
    assert joining.provider.calls["outputs"] == 2


def test_what_was_asked_while_joining_is_spent_by_the_next_block(fleet: Fleet) -> None:
    (leader,) = fleet.start_in_turn(1)
    fleet.make_blocks(1)
    joining = fleet.start()
    (ref, output), *_ = genesis_utxos(ALICE).items()
    assert ask(joining.chain, 0) == Unspent(output)
    slot = fleet.devnet.tip().point.slot
    fleet.devnet.submit(
        pay(
            *(ALICE, {ref: output}, MERCHANT.address, 2_000_000),
            parameters=PARAMETERS,
            ttl=slot + 1000,
        )
    )
    joining.wait_for([fleet.devnet.produce_block().point.block])
    assert isinstance(ask(joining.chain, 0), Spent)
    assert leader.provider.calls["outputs"] == 0


@needs_redis
def test_what_others_asked_before_is_not_believed_while_joining(redis_fleet: Fleet) -> None:
    """They may have rested since: then none has seen a block of that time."""
    leader, joining = start_while_nothing_is_published(redis_fleet)
    ask(leader.chain, 0)
    assert leader.storage.shared_outputs(NETWORK, [str(next(iter(genesis_utxos(ALICE))))])
    ask(joining.chain, 0)
    assert joining.provider.calls["outputs"] == 1
