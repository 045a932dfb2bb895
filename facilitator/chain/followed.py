"""A network's provider with what is known besides of its chain."""

from collections.abc import Callable
from dataclasses import dataclass

from facilitator.chain.feed import Feed
from facilitator.chain.follower import LEASE_SECONDS, Follower
from facilitator.chain.outputs import KnownOutputs
from facilitator.clock import Clock
from facilitator.roles.chain import AwaitsBlocks, ChainProvider
from facilitator.roles.sharing import SharesChain, SharesOutputs
from facilitator.roles.storage import Storage


@dataclass(frozen=True, slots=True)
class FollowedChain:
    """A provider, the one follower of its chain and the outputs known from it."""

    provider: ChainProvider
    follower: Follower
    outputs: KnownOutputs


def followed(
    provider: ChainProvider, storage: Storage, clock: Clock, failed: Callable[[BaseException], None]
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
    return FollowedChain(provider, follower, KnownOutputs(provider, follower, cache))
