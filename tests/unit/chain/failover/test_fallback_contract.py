"""Several providers pass the contract of one, whichever of them answers."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from facilitator.chain.failover.failover_chain import FailoverChain, build_failover_chain
from facilitator.testing.chain import ChainProviderContract
from facilitator.testing.clock import ManualClock
from facilitator.testing.over_devnet import OverDevnet
from facilitator.testing.running import NETWORK, NOW
from facilitator_devnet.devnet import Devnet
from support.paired import CountedDevnet


class TestSingleProvider(ChainProviderContract):
    @pytest.fixture
    def chain(self) -> Iterator[OverDevnet[FailoverChain]]:
        devnet = Devnet(NETWORK, ManualClock(NOW))
        with closing(build_failover_chain([("only", devnet)])) as chain:
            yield OverDevnet(chain, devnet)


class TestFirstOfTwo(ChainProviderContract):
    @pytest.fixture
    def chain(self) -> Iterator[OverDevnet[FailoverChain]]:
        clock = ManualClock(NOW)
        devnet, down = CountedDevnet(NETWORK, clock), CountedDevnet(NETWORK, clock)
        down.fail_all()
        with closing(build_failover_chain([("first", devnet), ("second", down)])) as chain:
            yield OverDevnet(chain, devnet)


class TestSecondOfTwo(ChainProviderContract):
    @pytest.fixture
    def chain(self) -> Iterator[OverDevnet[FailoverChain]]:
        clock = ManualClock(NOW)
        devnet, down = CountedDevnet(NETWORK, clock), CountedDevnet(NETWORK, clock)
        down.fail_all()
        chain = build_failover_chain([("first", down), ("second", devnet)])
        for _ in range(3):
            chain.tip()
        with closing(chain):
            yield OverDevnet(chain, devnet)
