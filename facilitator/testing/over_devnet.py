"""A chain provider under the contract's tests, and the devnet that it shows."""

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
        """Change the chain of the devnet, which the provider shows."""
        self.provider = provider
        self.devnet = devnet
        self._payer = Wallet("contract")
        self._amounts = count(2_000_000)
        self._funded: dict[OutputRef, Output] = {}

    def make_block(self) -> None:
        """Make a block of the submitted transactions."""
        self.devnet.produce_block()

    def roll_back(self, blocks: int) -> None:
        """Replace the newest blocks by as many others, without their transactions."""
        self.devnet.rollback(blocks, drop=True)
        for _ in range(blocks):
            self.devnet.produce_block()

    def fund(self) -> OutputRef:
        """Make an output with an asset."""
        ref = self.devnet.fund(self._payer.address, 100_000_000, {ASSET: 7})
        found = self.devnet.outputs([ref])[ref]
        assert isinstance(found, Unspent)
        self._funded[ref] = found.output
        return ref

    def spend(self, ref: OutputRef) -> bytes:
        """Return a signed transaction that spends it."""
        return pay(
            self._payer,
            {ref: self._funded[ref]},
            Wallet("merchant").address,
            next(self._amounts),
            parameters=self.devnet.parameters(),
            ttl=self.devnet.tip().point.slot + 1000,
        )
