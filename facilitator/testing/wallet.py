"""Contract tests that every wallet must pass.

Subclass :class:`WalletContract` in a test module, and give it the fixture ``wallet``.
"""

from functools import partial
from hashlib import blake2b

import pytest

from facilitator.cardano.addresses.address import AddressKind, read_address
from facilitator.cardano.signatures import signature_holds
from facilitator.roles.wallet import SignsMessages, Wallet
from facilitator.testing.start import check_as_at_start
from facilitator.testing.threads import together

_IDS = (bytes(32), bytes(range(32)), b"\xff" * 32)
THREADS = 8


class WalletContract:
    """All promises of :class:`~facilitator.roles.wallet.Wallet`."""

    @pytest.fixture
    def wallet(self) -> Wallet:
        """Return the wallet under test; a subclass defines it."""
        raise NotImplementedError("define the fixture wallet")

    def test_the_start_takes_the_wallet(self, wallet: Wallet) -> None:
        """It has an address, and a method that signs."""
        check_as_at_start("wallets", wallet)

    def test_the_address_is_that_of_a_key(self, wallet: Wallet) -> None:
        """A payment spends its outputs with one signature: no script, and no reward account."""
        assert isinstance(wallet.address, bytes)
        assert wallet.address == wallet.address
        assert read_address(wallet.address).kind is not AddressKind.REWARD
        assert wallet.address[0] & 0x90 == 0, "the payment part is not the hash of a key"

    @pytest.mark.parametrize("transaction_id", _IDS, ids=("zeros", "counted", "ones"))
    def test_what_it_signs_the_ledger_takes(self, wallet: Wallet, transaction_id: bytes) -> None:
        """The signature is of exactly these bytes, and the address is of its key."""
        public_key, signature = wallet.sign(transaction_id)
        assert (len(public_key), len(signature)) == (32, 64)
        assert signature_holds(public_key, transaction_id, signature)
        assert blake2b(public_key, digest_size=28).digest() == wallet.address[1:29]

    @pytest.mark.parametrize("message", [b"", b"a message", bytes(300)])
    def test_a_message_is_always_signed_alike(self, wallet: Wallet, message: bytes) -> None:
        """By a wallet that signs messages: the keys of payment channels come of a signature."""
        if not isinstance(wallet, SignsMessages):
            return
        public_key, signature = wallet.sign_message(message)
        assert signature_holds(public_key, message, signature)
        assert public_key == wallet.sign(bytes(32)).public_key
        assert wallet.sign_message(message) == (public_key, signature)

    def test_one_key_signs_everything(self, wallet: Wallet) -> None:
        """Also from many threads at once."""
        signed = together([partial(wallet.sign, bytes([n]) * 32) for n in range(THREADS)])
        assert len({each[0] for each in signed}) == 1
        for number, (public_key, signature) in enumerate(signed):
            assert signature_holds(public_key, bytes([number]) * 32, signature)
