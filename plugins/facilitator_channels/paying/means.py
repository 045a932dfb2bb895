"""The wallet that pays, its keys for channels, and its chain."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from nacl.signing import SigningKey

from facilitator.cardano.addresses.address import format_address
from facilitator.cardano.transaction import OutputRef
from facilitator.plugin import CannotPay, Clock, FundedChain, SignsMessages, Unspent, Wallet
from facilitator_channels.client.keys import derive_key, derive_root, iou_signer, signed_root
from facilitator_channels.transactions.plan import (
    Ledger,
    Purse,
    ScriptReference,
    ScriptSource,
    ScriptWitness,
    is_plain,
    read_ledger,
)
from facilitator_channels.transactions.wire import Unsigned
from facilitator_channels.validator import SCRIPT_HASH, load_code
from facilitator_channels.values import Iou

VALID_SECONDS = 600
"""Seconds for which a transaction may land: after that an opening in doubt is over."""


@dataclass(frozen=True)
class Means:
    """A wallet on its network."""

    network: str
    """The canonical id."""
    wallet: Wallet
    chain: FundedChain
    clock: Clock

    @property
    def payer(self) -> bytes:
        """The hash of the wallet's key, a channel's consumer."""
        return self.wallet.address[1:29]

    @cached_property
    def root(self) -> bytes:
        """The secret that the keys of all channels come from, out of one signature of the wallet.

        Raises :class:`CannotPay` if the wallet signs no messages.
        """
        if not isinstance(self.wallet, SignsMessages):
            raise CannotPay(
                f"the wallet {format_address(self.wallet.address)} signs no messages (CIP-8),"
                " from which the keys of channels come: take another one"
            )
        return derive_root(self.wallet.sign_message(signed_root(self.wallet.address)).signature)

    def key(self, tag: bytes) -> SigningKey:
        """Return the key that signs IOUs of the channel with that tag."""
        return derive_key(self.root, self.network, tag)

    def iou_signer(self, tag: bytes) -> Callable[[int], Iou]:
        """Return a function that signs an IOU of that channel."""
        return iou_signer(self.key(tag), tag)

    def ledger(self) -> Ledger:
        """Return the facts that transactions depend on. Raises ``ChainUnavailable``."""
        return read_ledger(self.chain, self.clock)

    def purse(self) -> Purse:
        """Return the wallet's plain outputs. Raises ``ChainUnavailable``."""
        listed = self.chain.outputs_at(self.wallet.address)
        return Purse(self.wallet.address, {r: each for r, each in listed.items() if is_plain(each)})

    def until(self, ledger: Ledger) -> int:
        """Return the first slot in which a transaction that is made now may no longer land."""
        return ledger.eras.slot_at(round((self.clock.time() + VALID_SECONDS) * 1000))

    def sign(self, unsigned: Unsigned) -> bytes:
        """Return the transaction with the wallet's signature."""
        return unsigned.with_signatures([self.wallet.sign(unsigned.id)])

    def script(self, script_hash: bytes, reference: OutputRef | None) -> ScriptSource:
        """Return the validator: in the output that the seller names, else the one that is here.

        Raises :class:`CannotPay` if there is none with that hash, and ``ChainUnavailable``.
        """
        if reference is not None:
            status = self.chain.outputs([reference])[reference]
            if isinstance(status, Unspent) and _script_hash(status) == script_hash:
                return ScriptReference(reference, status.output)
        if script_hash == SCRIPT_HASH:
            return ScriptWitness(load_code())
        raise CannotPay(
            f"the validator {script_hash.hex()} is not here, and the seller names no output that"
            " has it (extra.referenceScript)"
        )


def _script_hash(status: Unspent) -> bytes | None:
    script = status.output.script
    return None if script is None else script.hash
