"""The devnet passes the contract of chain providers, in memory and in a file."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from facilitator.cardano.transaction import Output, OutputRef
from facilitator.roles.chain import AwaitsBlocks, ReadsLedgerState, Unspent
from facilitator.testing.chain import ChainProviderContract
from facilitator.testing.clock import ManualClock
from facilitator_devnet.devnet import Devnet
from facilitator_devnet.wallet import Wallet, pay


class _DevnetUnderTest:
    def __init__(self, provider: Devnet) -> None:
        self.provider = provider
        self._payer = Wallet("contract")
        self._amounts = count(2_000_000)
        self._funded: dict[OutputRef, Output] = {}

    def make_block(self) -> None:
        self.provider.produce_block()

    def roll_back(self, blocks: int) -> None:
        self.provider.rollback(blocks, drop=True)
        for _ in range(blocks):
            self.provider.produce_block()

    def fund(self) -> OutputRef:
        ref = self.provider.fund(self._payer.address, 100_000_000)
        found = self.provider.outputs([ref])[ref]
        assert isinstance(found, Unspent)
        self._funded[ref] = found.output
        return ref

    def spend(self, ref: OutputRef) -> bytes:
        return pay(
            self._payer,
            {ref: self._funded[ref]},
            Wallet("merchant").address,
            next(self._amounts),
            parameters=self.provider.parameters(),
            ttl=self.provider.tip().point.slot + 1000,
        )


class TestDevnetInMemory(ChainProviderContract):
    @pytest.fixture
    def chain(self, devnet: Devnet) -> _DevnetUnderTest:
        return _DevnetUnderTest(devnet)


class TestDevnetInFile(ChainProviderContract):
    @pytest.fixture
    def chain(self, tmp_path: Path, clock: ManualClock) -> Iterator[_DevnetUnderTest]:
        devnet = Devnet("cardano:preview", clock, path=str(tmp_path / "devnet.sqlite"))
        yield _DevnetUnderTest(devnet)
        devnet.close()


def test_the_devnet_has_every_optional_capability(devnet: Devnet) -> None:
    assert isinstance(devnet, AwaitsBlocks)
    assert isinstance(devnet, ReadsLedgerState)
    assert devnet.is_devnet
