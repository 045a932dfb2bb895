"""Several providers pass the contract of one, whichever of them answers."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from facilitator.chain.failover.failover_chain import FallbackChain, with_fallback
from facilitator.testing.chain import ChainProviderContract
from facilitator.testing.clock import ManualClock
from facilitator_devnet.devnet import Devnet
from support.contract import OverDevnet
from support.paired import CountedDevnet
from support.running import NETWORK, NOW


class TestSingleProvider(ChainProviderContract):
    @pytest.fixture
    def chain(self) -> Iterator[OverDevnet[FallbackChain]]:
        devnet = Devnet(NETWORK, ManualClock(NOW))
        with closing(with_fallback([("only", devnet)])) as chain:
            yield OverDevnet(chain, devnet)


class TestFirstOfTwo(ChainProviderContract):
    @pytest.fixture
    def chain(self) -> Iterator[OverDevnet[FallbackChain]]:
        clock = ManualClock(NOW)
        devnet, down = CountedDevnet(NETWORK, clock), CountedDevnet(NETWORK, clock)
        down.fail_all()
        with closing(with_fallback([("first", devnet), ("second", down)])) as chain:
            yield OverDevnet(chain, devnet)


class TestSecondOfTwo(ChainProviderContract):
    @pytest.fixture
    def chain(self) -> Iterator[OverDevnet[FallbackChain]]:
        clock = ManualClock(NOW)
        devnet, down = CountedDevnet(NETWORK, clock), CountedDevnet(NETWORK, clock)
        down.fail_all()
        chain = with_fallback([("first", down), ("second", devnet)])
        for _ in range(3):
            chain.tip()
        with closing(chain):
            yield OverDevnet(chain, devnet)
