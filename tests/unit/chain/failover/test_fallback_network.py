"""Each provider shows before its use which network it is of, and after an outage again."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from facilitator.chain.failover.circuit_breaker import FAILURES, MIN_COOLING_SECONDS
from facilitator.chain.failover.failover_chain import build_failover_chain
from facilitator.plugin import ChainUnavailable, Point, PointNotFound, ProviderUnusable
from facilitator.testing.clock import ManualClock
from facilitator.testing.running import NETWORK, NOW
from facilitator.testing.threads import together
from support.paired import CountedDevnet

WRONG = "it is of cardano:mainnet"


class Movable(CountedDevnet):
    """A devnet that may become another network's."""

    magic = 1
    asked = 0
    examined = 0
    lacks = ""

    def network_magic(self) -> int:
        self.asked += 1
        return self.magic

    def examine(self) -> str:
        self.examined += 1
        if self.lacks:
            raise ProviderUnusable(self.lacks)
        return "can do all"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def first(clock: ManualClock) -> Iterator[Movable]:
    with closing(Movable(NETWORK, clock)) as devnet:
        yield devnet


@pytest.fixture
def second(clock: ManualClock) -> Iterator[Movable]:
    with closing(Movable(NETWORK, clock)) as devnet:
        yield devnet


def test_it_is_asked_once_by_many(first: Movable, clock: ManualClock) -> None:
    chain = build_failover_chain([("first", first)], clock.time)
    together([chain.tip] * 8)
    assert (first.asked, first.examined) == (1, 1)


def test_another_networks_provider_gives_no_answer(first: Movable, clock: ManualClock) -> None:
    first.magic = 764_824_073
    chain = build_failover_chain([("first", first)], clock.time)
    for call in (chain.tip, lambda: chain.outputs([]), lambda: chain.submit(b"")):
        with pytest.raises(ChainUnavailable, match=WRONG):
            call()
    assert first.calls == {}


def test_one_that_lacks_something_gives_no_answer(first: Movable, clock: ManualClock) -> None:
    first.lacks = "it cannot say what is spent"
    chain = build_failover_chain([("first", first)], clock.time)
    with pytest.raises(ProviderUnusable, match="cannot say"):
        chain.tip()
    first.lacks = ""
    assert chain.tip() == first.tip()


def test_a_standby_is_asked_before_it_steps_in(
    first: Movable, second: Movable, clock: ManualClock
) -> None:
    second.magic = 764_824_073
    chain = build_failover_chain([("first", first), ("second", second)], clock.time)
    first.fail_all()
    with pytest.raises(ChainUnavailable, match=f"second: {WRONG}"):
        chain.tip()
    second.magic = 1
    assert chain.tip() == second.tip()


def test_it_is_asked_again_after_an_outage(first: Movable, clock: ManualClock) -> None:
    chain = build_failover_chain([("first", first)], clock.time)
    chain.tip()
    first.fail_all()
    for _ in range(FAILURES):
        with pytest.raises(ChainUnavailable):
            chain.tip()
    first.heal()
    first.magic = 764_824_073
    clock.advance(MIN_COOLING_SECONDS)
    with pytest.raises(ChainUnavailable, match=WRONG):
        chain.tip()
    first.magic = 1
    clock.advance(4 * MIN_COOLING_SECONDS)
    assert chain.tip() == first.tip()
    assert (first.asked, first.examined) == (3, 1)


def test_it_is_asked_again_when_blocks_are_gone(first: Movable, clock: ManualClock) -> None:
    """As after a rollback. Or its name leads to another network's server now."""
    chain = build_failover_chain([("first", first)], clock.time)
    tip = chain.tip()
    first.magic = 764_824_073
    with pytest.raises(PointNotFound):
        chain.blocks_after(Point(tip.point.slot, "00" * 32))
    with pytest.raises(ChainUnavailable, match=WRONG):
        chain.tip()
