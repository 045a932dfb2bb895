"""While a fork is left block by block, nothing is asked by id: the next blocks show it."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from facilitator.chain.chain_update import ChainUpdate
from facilitator.chain.followed_chain import FollowedChain, build_followed_chain
from facilitator.roles.storage import Storage
from facilitator.testing.clock import ManualClock
from facilitator.testing.running import NETWORK, NOW
from facilitator.testing.waiting import eventually
from facilitator_devnet.devnet import Devnet
from facilitator_memory.storage import MemoryStorage
from facilitator_sqlite.storage import SqliteStorage
from support.polled import PolledChain


@pytest.fixture
def devnet() -> Iterator[Devnet]:
    with closing(Devnet(NETWORK, ManualClock(NOW))) as devnet:
        yield devnet


@pytest.fixture(params=["alone", "leads"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Storage]:
    made: Storage = (
        MemoryStorage() if request.param == "alone" else SqliteStorage(str(tmp_path / "feed.db"))
    )
    with closing(made):
        yield made


@pytest.fixture
def chain(devnet: Devnet, storage: Storage) -> Iterator[FollowedChain]:
    faults: list[BaseException] = []
    chain = build_followed_chain(PolledChain(devnet), storage, ManualClock(NOW), faults.append)
    with closing(chain.follower):
        yield chain
    assert faults == []


def test_a_follower_catches_up_from_a_rollback_until_it_knows_the_tip(
    devnet: Devnet, chain: FollowedChain
) -> None:
    seen: list[bool] = []
    follower = chain.follower

    def note(update: ChainUpdate) -> None:
        if update.rolled_back_to is not None:
            seen.append(follower.is_catching_up)

    follower.subscribe(note)
    follower.follow()
    for _ in range(3):
        devnet.produce_block()
    eventually(lambda: follower.tip == devnet.tip())
    devnet.rollback(2)
    for _ in range(3):
        devnet.produce_block()
    eventually(lambda: follower.tip == devnet.tip())
    eventually(lambda: not follower.is_catching_up)
    assert seen == [True, True]
