"""Wallets derived from a seed phrase (BIP-39, CIP-1852)."""

from facilitator.roles.wallet import Signature

_PAYMENT, _STAKE = 0, 2


class SeedWallet:
    """A wallet with the first address of the first account, and its key."""

    def __init__(self, seed_phrase: str, network_id: int) -> None:
        """Derive the keys. ``network_id`` is 1 for mainnet.

        Raises :class:`ValueError`, whose text quotes no word of the phrase. Takes more than a
        second, since the library is imported only here.
        """
        from pycardano import ExtendedSigningKey, HDWallet

        try:
            root = HDWallet.from_mnemonic(seed_phrase)
        except Exception:
            # The library's message may quote words of the phrase.
            raise ValueError("is not a valid BIP-39 seed phrase") from None
        keys = [
            ExtendedSigningKey.from_hdwallet(root.derive_from_path(f"m/1852'/1815'/0'/{role}/0"))
            for role in (_PAYMENT, _STAKE)
        ]
        self._key = keys[0]
        hashes = b"".join(key.to_verification_key().hash().payload for key in keys)
        self._address = bytes([network_id]) + hashes

    @property
    def address(self) -> bytes:
        """The base address."""
        return self._address

    def sign(self, transaction_id: bytes) -> Signature:
        """Sign the hash of a transaction's body."""
        return self.sign_message(transaction_id)

    def sign_message(self, message: bytes) -> Signature:
        """Sign these bytes, as :class:`~facilitator.roles.wallet.SignsMessages`."""
        public_key: bytes = self._key.to_verification_key().to_non_extended().payload
        return Signature(public_key, self._key.sign(message))
