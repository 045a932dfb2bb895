"""A wallet, with which ``facilitator pay`` signs payments."""

from typing import NamedTuple, Protocol

from facilitator.roles.chain import ChainProvider, ListsOutputs
from facilitator.roles.scheme_chain import ChainFacts


class Signature(NamedTuple):
    """The signature of one key."""

    public_key: bytes
    """32 bytes, Ed25519."""
    signature: bytes
    """64 bytes."""


class Wallet(Protocol):
    """A key and the address whose outputs it spends. The key itself need not be in this process.

    A plugin returns wallets by name from the hook ``wallets``. Only ``facilitator pay`` uses them.
    """

    @property
    def address(self) -> bytes:
        """The address as bytes (CIP-19); its payment part is the hash of the key."""
        ...

    def sign(self, transaction_id: bytes) -> Signature:
        """Sign the 32-byte hash of a transaction's body."""
        ...


class WalletChain(ChainFacts, ListsOutputs, Protocol):
    """A chain that answers all that one must know who spends from a wallet."""


class FundedChain(ChainProvider, ListsOutputs, Protocol):
    """A chain provider that can say what an address holds."""
