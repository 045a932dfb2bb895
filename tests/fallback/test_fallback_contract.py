"""Several providers pass the contract of one, whichever of them answers."""

from collections.abc import Iterator
from contextlib import closing
from itertools import count

import pytest

from facilitator.cardano.transaction import Output, OutputRef
from facilitator.chain.fallback import with_fallback
from facilitator.roles.chain import ChainProvider, Unspent
from facilitator.testing.chain import ChainProviderContract
from facilitator.testing.clock import ManualClock
from facilitator_devnet.devnet import Devnet
from facilitator_devnet.wallet import Wallet, pay
from support.paired import CountedDevnet
from support.running import NETWORK, NOW


class _Chain:
    def __init__(self, provider: ChainProvider, devnet: Devnet) -> None:
        self.provider = provider
        self._devnet = devnet
        self._payer = Wallet("contract")
        self._amounts = count(2_000_000)
        self._funded: dict[OutputRef, Output] = {}

    def make_block(self) -> None:
        self._devnet.produce_block()

    def roll_back(self, blocks: int) -> None:
        self._devnet.rollback(blocks, drop=True)
        for _ in range(blocks):
            self._devnet.produce_block()

    def fund(self) -> OutputRef:
        ref = self._devnet.fund(self._payer.address, 100_000_000)
        found = self._devnet.outputs([ref])[ref]
        assert isinstance(found, Unspent)
        self._funded[ref] = found.output
        return ref

    def spend(self, ref: OutputRef) -> bytes:
        return pay(
            self._payer,
            {ref: self._funded[ref]},
            Wallet("merchant").address,
            next(self._amounts),
            parameters=self._devnet.parameters(),
            ttl=self._devnet.tip().point.slot + 1000,
        )


class TestSingleProvider(ChainProviderContract):
    @pytest.fixture
    def chain(self) -> Iterator[_Chain]:
        devnet = Devnet(NETWORK, ManualClock(NOW))
        with closing(with_fallback([("only", devnet)])) as chain:
            yield _Chain(chain, devnet)


class TestFirstOfTwo(ChainProviderContract):
    @pytest.fixture
    def chain(self) -> Iterator[_Chain]:
        clock = ManualClock(NOW)
        devnet, down = CountedDevnet(NETWORK, clock), CountedDevnet(NETWORK, clock)
        down.fail_all()
        with closing(with_fallback([("first", devnet), ("second", down)])) as chain:
            yield _Chain(chain, devnet)


class TestSecondOfTwo(ChainProviderContract):
    @pytest.fixture
    def chain(self) -> Iterator[_Chain]:
        clock = ManualClock(NOW)
        devnet, down = CountedDevnet(NETWORK, clock), CountedDevnet(NETWORK, clock)
        down.fail_all()
        chain = with_fallback([("first", down), ("second", devnet)])
        for _ in range(3):
            chain.tip()
        with closing(chain):
            yield _Chain(chain, devnet)
