"""A network's provider with what is known besides of its chain."""

from collections.abc import Callable
from dataclasses import dataclass

from facilitator.cardano.slots import KNOWN_ERAS
from facilitator.chain.chain_update import ChainUpdate
from facilitator.chain.fleet_feed import Feed
from facilitator.chain.follower import LEASE_SECONDS, Follower
from facilitator.chain.utxo_cache import UtxoCache
from facilitator.clock import Clock
from facilitator.observability.metrics import (
    FOLLOWED_BLOCKS,
    FOLLOWER_LAG,
    FOLLOWING,
    ROLLED_BACK_BLOCKS,
)
from facilitator.roles.chain import AwaitsBlocks, ChainProvider
from facilitator.roles.metrics import NO_METER, Meter
from facilitator.roles.sharing import SharesChain, SharesOutputs
from facilitator.roles.storage import Storage


@dataclass(frozen=True, slots=True)
class FollowedChain:
    """A provider, the one follower of its chain and the outputs known from it."""

    provider: ChainProvider
    follower: Follower
    outputs: UtxoCache


def followed(
    provider: ChainProvider,
    storage: Storage,
    clock: Clock,
    failed: Callable[[BaseException], None],
    meter: Meter = NO_METER,
) -> FollowedChain:
    """Put them together; nothing is followed yet. ``failed`` gets the follower's unforeseen errors.

    What is learnt from a provider that must be polled is shared through the storage, if it can.
    """
    is_polled = not isinstance(provider, AwaitsBlocks)
    shared = storage if is_polled and isinstance(storage, SharesChain) else None
    feed = None
    if shared is not None:
        feed = Feed(shared, provider.network, clock, lease_seconds=LEASE_SECONDS)
    follower = Follower(provider, clock, failed, feed)
    cache = shared if isinstance(shared, SharesOutputs) else None
    outputs = UtxoCache(provider, follower, cache, meter)
    chain = FollowedChain(provider, follower, outputs)
    _measure(chain, clock, meter)
    return chain


def _measure(chain: FollowedChain, clock: Clock, meter: Meter) -> None:
    """Show how far following has come."""
    network = chain.provider.network

    def moved(move: ChainUpdate) -> None:
        meter.count(FOLLOWED_BLOCKS, len(move.blocks), network=network)
        meter.count(ROLLED_BACK_BLOCKS, move.rolled_back_to is not None, network=network)

    def lag() -> float:
        tip = chain.follower.tip
        if tip is None:
            return 0.0
        # The provider might have to ask for its eras, just when it does not answer.
        return max(0.0, clock.time() - KNOWN_ERAS[network].start_ms(tip.point.slot) / 1000)

    chain.follower.subscribe(moved)
    meter.gauge(FOLLOWING, lambda: chain.follower.tip is not None, network=network)
    meter.gauge(FOLLOWER_LAG, lag, network=network)
