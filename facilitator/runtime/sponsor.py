"""A fee sponsor for a resource server, over the chain that the settings name."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from facilitator.clock import SystemClock
from facilitator.roles.wallet import Wallet
from facilitator.runtime.funds import open_funds
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
    with open_funds(network, wallet, settings=settings) as (owner, chain):
        clock = SystemClock()
        yield FeeSponsor(network, SponsorPool(SponsorStore(file), owner, chain, clock, pool))
