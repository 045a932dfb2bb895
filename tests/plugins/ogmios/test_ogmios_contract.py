"""The plugin passes the contract of chain providers over a real WebSocket."""

from collections.abc import Iterator

import pytest

from facilitator.testing.chain import ChainProviderContract
from facilitator.testing.clock import ManualClock
from support.ogmios import OgmiosUnderTest, under_test


class TestOgmios(ChainProviderContract):
    @pytest.fixture
    def chain(self, clock: ManualClock) -> Iterator[OgmiosUnderTest]:
        with under_test(clock) as chain:
            yield chain


class TestOgmiosOfRecentBlocks(ChainProviderContract):
    """It begins at the tip of a chain that it does not read from its origin."""

    @pytest.fixture
    def chain(self, clock: ManualClock) -> Iterator[OgmiosUnderTest]:
        with under_test(clock, blocks=5) as chain:
            for _ in range(10):
                chain.devnet.produce_block()
            chain.catch_up()
            yield chain
