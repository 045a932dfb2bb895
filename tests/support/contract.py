"""A chain provider under the contract's tests, and the devnet that it tells of."""

from itertools import count
from typing import Generic, TypeVar

from facilitator.cardano.transaction import Output, OutputRef
from facilitator.roles.chain import ChainProvider, Unspent
from facilitator_devnet.devnet import Devnet
from facilitator_devnet.wallet import Wallet, pay

ASSET = bytes(28) + b"contract"

Provider = TypeVar("Provider", bound=ChainProvider)


class OverDevnet(Generic[Provider]):
    """A :class:`facilitator.testing.chain.ChainUnderTest` with a wallet that spends on it."""

    def __init__(self, provider: Provider, devnet: Devnet) -> None:
        self.provider = provider
        self.devnet = devnet
        self._payer = Wallet("contract")
        self._amounts = count(2_000_000)
        self._funded: dict[OutputRef, Output] = {}

    def make_block(self) -> None:
        self.devnet.produce_block()

    def roll_back(self, blocks: int) -> None:
        self.devnet.rollback(blocks, drop=True)
        for _ in range(blocks):
            self.devnet.produce_block()

    def fund(self) -> OutputRef:
        ref = self.devnet.fund(self._payer.address, 100_000_000, {ASSET: 7})
        found = self.devnet.outputs([ref])[ref]
        assert isinstance(found, Unspent)
        self._funded[ref] = found.output
        return ref

    def spend(self, ref: OutputRef) -> bytes:
        return pay(
            self._payer,
            {ref: self._funded[ref]},
            Wallet("merchant").address,
            next(self._amounts),
            parameters=self.devnet.parameters(),
            ttl=self.devnet.tip().point.slot + 1000,
        )
