"""The signer address shown in ``/supported``; the facilitator never signs or pays with it."""

from facilitator.cardano.addresses.address import format_address
from facilitator.client.seed_wallet import SeedWallet
from facilitator.errors import ConfigInvalidError, Problem
from facilitator.settings import Settings
from facilitator.x402.networks import cardano_network


def signer_addresses(settings: Settings) -> tuple[str, ...]:
    """Return the configured address, or the first address of the configured seed phrase, or none.

    Raises :class:`~facilitator.errors.ConfigInvalidError` for an invalid seed phrase.
    """
    configured = settings.facilitator
    if configured.address is not None:
        return (configured.address,)
    if configured.seed_phrase is None:
        return ()
    return (_first_address(configured.seed_phrase, settings.networks[0]),)


def _first_address(seed_phrase: str, network: str) -> str:
    try:
        return format_address(SeedWallet(seed_phrase, cardano_network(network).network_id).address)
    except ValueError as error:
        raise ConfigInvalidError([Problem("facilitator.seed_phrase", str(error))]) from None
