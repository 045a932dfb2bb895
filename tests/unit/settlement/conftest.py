"""A tracker by itself, over a devnet whose blocks come when the test says so."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from facilitator.chain.followed_chain import build_followed_chain
from facilitator.settlement.tracking.tracker import Tracker
from facilitator.testing.clock import ManualClock
from facilitator.testing.running import NETWORK, NOW
from facilitator_devnet.devnet import Devnet
from facilitator_memory.storage import MemoryStorage


@pytest.fixture
def lease_seconds() -> float:
    """The length of a lease, longer than any test takes unless it says otherwise."""
    return 60


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def chain_clock(clock: ManualClock) -> ManualClock:
    """The network's own, which is the facilitator's unless a test says otherwise."""
    return clock


@pytest.fixture
def devnet(chain_clock: ManualClock) -> Iterator[Devnet]:
    with closing(Devnet(NETWORK, chain_clock)) as devnet:
        yield devnet


@pytest.fixture
def storage() -> MemoryStorage:
    return MemoryStorage()


@pytest.fixture
def tracker(
    devnet: Devnet, storage: MemoryStorage, clock: ManualClock, lease_seconds: float
) -> Iterator[Tracker]:
    faults: list[BaseException] = []
    chain = build_followed_chain(devnet, storage, clock, faults.append)
    tracker = Tracker(
        chain,
        storage,
        clock,
        lease_seconds=lease_seconds,
        on_change=lambda _: None,
        on_correction=lambda _: None,
        on_error=faults.append,
    )
    with closing(tracker):
        yield tracker
    assert faults == []
