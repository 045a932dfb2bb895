"""A wallet, with which ``facilitator pay`` signs payments."""

from typing import NamedTuple, Protocol, runtime_checkable

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


@runtime_checkable
class SignsMessages(Protocol):
    """A wallet that also signs messages (CIP-8). A channel's key is made from a signature.

    The same message must get the same signature, as Ed25519 has it (RFC 8032).
    """

    def sign_message(self, message: bytes) -> Signature:
        """Sign these bytes themselves with the key, such as the ``Sig_structure`` of CIP-8."""
        ...


class WalletChain(ChainFacts, ListsOutputs, Protocol):
    """A chain that answers all that one must know who spends from a wallet."""


class FundedChain(ChainProvider, ListsOutputs, Protocol):
    """A chain provider that can say what an address holds."""
