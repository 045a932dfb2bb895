"""A wallet and a chain for a seller's own process, by the settings of a facilitator."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from facilitator.clock import SystemClock
from facilitator.errors import FacilitatorError
from facilitator.plugin.context import Context
from facilitator.plugin.loading import configure
from facilitator.roles.wallet import FundedChain, Wallet
from facilitator.runtime.chains import open_chain_providers, wallet_chain


@contextmanager
def open_funds(
    network: str, wallet: Wallet | str, *, settings: str | None = None
) -> Iterator[tuple[Wallet, FundedChain]]:
    """Return the wallet, and a chain that can say what it holds, until the context ends.

    Args:
        network: The canonical id of the network.
        wallet: The wallet; or the name of a plugin's, such as the devnet's carol.
        settings: The file of settings, as of ``facilitator serve``. They name the chain's plugin.

    Raises:
        FacilitatorError: There is no such wallet or chain.
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
        yield wallet, wallet_chain(open_chain_providers(plugins, context, network, stack))
