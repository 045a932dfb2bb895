"""The devnet passes the contract of chain providers, in memory and in a file."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from facilitator.roles.chain import AwaitsBlocks, ReadsLedgerState
from facilitator.testing.chain import ChainProviderContract
from facilitator.testing.clock import ManualClock
from facilitator.testing.over_devnet import OverDevnet
from facilitator_devnet.devnet import Devnet


class TestDevnetInMemory(ChainProviderContract):
    @pytest.fixture
    def chain(self, devnet: Devnet) -> OverDevnet[Devnet]:
        return OverDevnet(devnet, devnet)


class TestDevnetInFile(ChainProviderContract):
    @pytest.fixture
    def chain(self, tmp_path: Path, clock: ManualClock) -> Iterator[OverDevnet[Devnet]]:
        devnet = Devnet("cardano:preview", clock, path=str(tmp_path / "devnet.sqlite"))
        yield OverDevnet(devnet, devnet)
        devnet.close()


def test_the_devnet_has_every_optional_capability(devnet: Devnet) -> None:
    assert isinstance(devnet, AwaitsBlocks)
    assert isinstance(devnet, ReadsLedgerState)
    assert devnet.is_devnet
