"""Histories of processes whose clocks differ by any amount: no clock of another one decides."""

import math
from collections.abc import Collection, Sequence
from itertools import count
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facilitator.chain.chain_update import ChainUpdate
from facilitator.chain.fleet_feed import FleetFeed
from facilitator.roles.chain import Point, Tip
from facilitator.roles.sharing import Entry, Lease

pytestmark = pytest.mark.once

NETWORK = "cardano:preprod"
LEASE = 15.0
POLL = 5.0
SYNC = 0.5
HOUR = 3600.0
SKEWS = [-HOUR, -20.0, 0.0, 20.0, HOUR]


class World:
    """True time, and a storage that all processes share: its promises and nothing more."""

    def __init__(self) -> None:
        self.now = 1e9
        self.asked_at: dict[int, float] = {}
        """By tip, the true time at which its publisher had begun to ask the chain."""
        self._tips = count(1)
        self._lease: Lease | None = None
        self._entries: list[Entry] = []

    def new_tip(self, asked_at: float) -> Tip:
        slot = next(self._tips)
        self.asked_at[slot] = asked_at
        return Tip(Point(slot, f"{slot:064x}"), slot)

    def lead(
        self, network: str, follower: str, now: float, until: float, over: Lease | None = None
    ) -> Lease:
        assert network == NETWORK
        held = self._lease
        if held is None or held.follower == follower or held.until <= now or held == over:
            self._lease = Lease(follower, until)
        assert self._lease is not None
        return self._lease

    def resign(self, network: str, follower: str) -> None:
        raise AssertionError(f"who is killed does not resign: {network} {follower}")

    def publish(
        self,
        network: str,
        follower: str,
        number: int,
        content: bytes,
        spent: Collection[str],
        keep: int,
    ) -> bool:
        assert network == NETWORK
        assert not spent
        newest = self._entries[-1].number if self._entries else 0
        if self._lease is None or self._lease.follower != follower or number != newest + 1:
            return False
        self._entries = [*self._entries, Entry(number, content)][-keep:]
        return True

    def published(self, network: str, after: int) -> Sequence[Entry]:
        assert network == NETWORK
        if after == -1:
            return self._entries[-1:]
        return [entry for entry in self._entries if entry.number > after]

    def lose_newest(self, entries: int) -> None:
        """As when Redis fails over to a replica that lacks them, or starts empty."""
        self._entries = self._entries[: max(0, len(self._entries) - entries)]


class Process:
    """What a follower does with its feed, by a wall clock and a monotonic clock of its own."""

    def __init__(self, world: World, skew: float) -> None:
        self._world = world
        self.skew = skew
        self._booted_at = world.now - 1000.0 * skew  # a monotonic clock begins anywhere
        self.seen_skews: list[float] = []
        self.leads = False
        self._asked: tuple[Tip, float] | None = None
        self.tip: Tip | None = None
        self.known_at = -math.inf
        self.feed = FleetFeed(
            world,
            NETWORK,
            self,
            lease_seconds=LEASE,
            monotonic=self.monotonic,
            on_skew=self.seen_skews.append,
        )

    def time(self) -> float:
        return self._world.now + self.skew

    def monotonic(self) -> float:
        return self._world.now - self._booted_at

    def sync(self) -> None:
        if self.tip is None:
            self.tip = self.feed.join()
            self.known_at = -math.inf
            if self.tip is None:
                self._ask()
        assert self.tip is not None
        self.leads, updates = self.feed.sync(self.tip, self.known_at)
        if updates:
            self.tip, self.known_at = updates[-1].tip, self.feed.known_at

    def begin_to_ask(self) -> None:
        """Ask the chain; the answer will come later."""
        self._asked = self._world.new_tip(self._world.now), self.monotonic()

    def publish(self) -> None:
        """Publish the answer, if it leads still."""
        if self._asked is not None:
            (tip, began_at), self._asked = self._asked, None
            if self.feed.publish(ChainUpdate(tip), began_at):
                self.tip, self.known_at = tip, began_at

    def _ask(self) -> None:
        self.tip, self.known_at = self._world.new_tip(self._world.now), self.monotonic()

    def trusts_too_much(self) -> bool:
        """Whether it takes what it knows for newer than it is."""
        if self.tip is None or self.known_at == -math.inf:
            return False
        truly = self._world.asked_at[self.tip.point.slot]
        return self.known_at + self._booted_at > truly + 1e-3


class Event(NamedTuple):
    """Something that happens to one process or to all, after a pause."""

    pause: float
    process: int
    what: str


events = st.builds(
    Event,
    st.sampled_from([0.0, 0.5, 0.5, 4.0, 16.0, 700.0]),
    st.integers(0, 2),
    st.sampled_from(
        ["sync", "sync", "sync", "ask", "publish", "restart", "an hour on", "an hour back", "loss"]
    ),
)


@settings(max_examples=1500, deadline=None)
@given(
    skews=st.lists(st.sampled_from(SKEWS), min_size=3, max_size=3),
    history=st.lists(events, min_size=10, max_size=60),
)
def test_no_process_takes_an_entry_for_newer_than_it_is(
    skews: list[float], history: list[Event]
) -> None:
    """Or outputs that a later block has spent would count as unspent: a false valid."""
    world = World()
    processes = [Process(world, skew) for skew in skews]
    go_on(world, processes, 10)
    for event in history:
        world.now += event.pause
        process = processes[event.process]
        if event.what == "sync":
            process.sync()
        elif event.what == "ask" and process.leads:
            process.begin_to_ask()
        elif event.what == "publish":
            process.publish()
        elif event.what == "restart":
            processes[event.process] = Process(world, process.skew)
        elif event.what == "loss":
            world.lose_newest(1 + event.process)
        elif event.what.startswith("an hour"):
            process.skew += HOUR if event.what == "an hour on" else -HOUR
        assert not any(each.trusts_too_much() for each in processes)


def go_on(world: World, processes: Sequence[Process], seconds: float) -> None:
    """Let them sync and poll as followers do."""
    end, next_poll = world.now + seconds, world.now
    while world.now < end:
        for process in processes:
            process.sync()
        if world.now >= next_poll:
            for process in processes:
                if process.leads:
                    process.begin_to_ask()
                    process.publish()
            next_poll = world.now + POLL
        world.now += SYNC


@pytest.mark.parametrize("reader_skew", SKEWS)
@pytest.mark.parametrize("publisher_skew", SKEWS)
def test_a_live_feed_is_joined_whatever_the_clocks_say(
    publisher_skew: float, reader_skew: float
) -> None:
    """One process reads what the other publishes, and knows after a poll how recent that is."""
    world = World()
    publisher, reader = Process(world, publisher_skew), Process(world, reader_skew)
    go_on(world, [publisher], 60)
    go_on(world, [publisher, reader], 2 * POLL)
    for process in (publisher, reader):
        assert process.monotonic() - process.known_at < POLL + 3 * SYNC
        assert process.feed.offset is not None
    assert publisher.tip == reader.tip
    assert [publisher.leads, reader.leads].count(True) == 1


@pytest.mark.parametrize("reader_skew", SKEWS)
@pytest.mark.parametrize("publisher_skew", SKEWS)
def test_what_was_published_long_ago_is_not_trusted(
    publisher_skew: float, reader_skew: float
) -> None:
    """Nor for having been read a moment ago, again and again."""
    world = World()
    go_on(world, [Process(world, publisher_skew)], 60)
    reader = Process(world, reader_skew)
    for _ in range(4):
        reader.sync()
        assert reader.tip is not None
        assert reader.known_at == -math.inf
        world.now += SYNC


@pytest.mark.parametrize("follower_skew", SKEWS)
@pytest.mark.parametrize("leader_skew", SKEWS)
def test_a_killed_leader_is_replaced_after_its_lease(
    leader_skew: float, follower_skew: float
) -> None:
    world = World()
    leader, follower = Process(world, leader_skew), Process(world, follower_skew)
    go_on(world, [leader, follower], 60)
    killed = leader if leader.leads else follower
    heir = follower if leader.leads else leader
    assert killed.leads != heir.leads
    go_on(world, [heir], LEASE + 2 * SYNC)
    assert heir.leads


@pytest.mark.parametrize("skew", [-HOUR, -20.0, 0.0])
def test_a_leader_that_lives_is_left_alone_by_clocks_that_are_not_ahead(skew: float) -> None:
    """Even if its own clock stands still, so that its lease has the same end each time."""
    world = World()
    leader, other = Process(world, 0.0), Process(world, skew)
    leader.time = lambda: 1e9  # type: ignore[method-assign]
    go_on(world, [leader], 1)
    other.time = lambda: 1e9 + skew  # type: ignore[method-assign]
    for _ in range(10):
        go_on(world, [leader, other], LEASE)
        assert (leader.leads, other.leads) == (True, False)


@pytest.mark.parametrize("skew", SKEWS)
def test_other_clocks_are_seen_to_be_off(skew: float) -> None:
    world = World()
    leader, reader = Process(world, skew), Process(world, 0.0)
    go_on(world, [leader], 1)
    go_on(world, [leader, reader], 60)
    if reader.leads:  # since its clock is ahead
        leader, reader, skew = reader, leader, -skew
    assert leader.leads
    seen = reader.seen_skews[-1]
    assert math.isclose(seen, skew, abs_tol=POLL)
    assert (seen == 0.0) == (skew == 0.0)
