"""A fee sponsor for a resource server, over the chain that the settings name."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from facilitator.clock import SystemClock
from facilitator.errors import FacilitatorError
from facilitator.plugin.context import Context
from facilitator.plugin.loading import configure
from facilitator.roles.wallet import Wallet
from facilitator.runtime.chains import ordered_chain_providers, wallet_chain
from facilitator.seller.pool import PoolSettings, SponsorPool
from facilitator.seller.sponsor import FeeSponsor
from facilitator.seller.store import SponsorStore


@contextmanager
def open_sponsor(
    network: str,
    wallet: Wallet | str,
    file: Path,
    pool: PoolSettings = PoolSettings(),  # noqa: B008 -- frozen
    *,
    settings: str | None = None,
) -> Iterator[FeeSponsor]:
    """Return a sponsor that pays from the wallet, until the context ends.

    Args:
        network: The canonical id of the network.
        wallet: The wallet; or the name of a plugin's, such as the devnet's carol.
        file: The SQLite file with the state. Processes on one machine share it.
        pool: The outputs that are offered.
        settings: The file of settings, as of ``facilitator serve``. They name the chain's plugin.

    Raises:
        FacilitatorError: There is no such wallet or chain, or the file cannot be used.
    """
    loaded, plugins = configure(settings)
    with ExitStack() as stack:
        stack.callback(plugins.shutdown)
        context = Context(loaded, SystemClock(), hooks=plugins)
        if isinstance(wallet, str):
            wallets = plugins.wallets(context, network)
            if wallet not in wallets:
                raise FacilitatorError(f"no plugin has a wallet {wallet!r} for {network}")
            wallet = wallets[wallet]
        providers = ordered_chain_providers(plugins, context, network)
        for _, provider in providers:
            stack.callback(provider.close)
        chain = wallet_chain(providers)
        store = SponsorStore(file)
        yield FeeSponsor(network, SponsorPool(store, wallet, chain, context.clock, pool))
