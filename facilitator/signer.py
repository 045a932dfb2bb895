"""The signer address shown in ``/supported``; nothing is ever signed or paid with it."""

from facilitator.errors import ConfigInvalidError, Problem
from facilitator.settings import Settings
from facilitator.x402.networks import NETWORKS


def signer_addresses(settings: Settings) -> tuple[str, ...]:
    """The configured address, or the first address of the configured seed phrase, or none.

    Raises :class:`~facilitator.errors.ConfigInvalidError` for a seed phrase that isn't one.
    """
    configured = settings.facilitator
    if configured.address is not None:
        return (configured.address,)
    if configured.seed_phrase is None:
        return ()
    return (_first_address(configured.seed_phrase, settings.networks[0]),)


def _first_address(seed_phrase: str, network: str) -> str:
    """The base address of account 0, index 0 (CIP-1852)."""
    # Imported here because it takes more than a second, and hardly anybody needs it.
    from pycardano import Address, ExtendedSigningKey, HDWallet, Network

    try:
        wallet = HDWallet.from_mnemonic(seed_phrase)
    except Exception:
        # The library's message may quote words of the phrase.
        problem = Problem("facilitator.seed_phrase", "is not a valid BIP-39 seed phrase")
        raise ConfigInvalidError([problem]) from None
    hashes = [
        ExtendedSigningKey.from_hdwallet(wallet.derive_from_path(f"m/1852'/1815'/0'/{role}/0"))
        .to_verification_key()
        .hash()
        for role in (0, 2)
    ]
    ledger_network = Network.MAINNET if NETWORKS[network].network_id == 1 else Network.TESTNET
    return Address(hashes[0], hashes[1], network=ledger_network).encode()
