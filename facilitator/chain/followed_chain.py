"""A network's provider together with its follower and its cached outputs."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Protocol, runtime_checkable

from facilitator.chain.chain_update import ChainUpdate
from facilitator.chain.clock_watch import ClockWatch
from facilitator.chain.fleet_feed import FleetFeed
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
from facilitator.roles.chain_errors import ChainUnavailable
from facilitator.roles.metrics import NO_METER, Meter
from facilitator.roles.sharing import SharesChain, SharesOutputs
from facilitator.roles.storage import Storage
from facilitator.x402.networks import cardano_network


@runtime_checkable
class RemembersTips(Protocol):
    """The optional part of a provider that remembers what it has answered."""

    def newest_slot(self) -> int | None:
        """Return the slot of the newest tip that was asked for lately, if any was."""
        ...


@dataclass(frozen=True, slots=True)
class FollowedChain:
    """A provider, the one follower of its chain and the cache of its outputs."""

    provider: ChainProvider
    follower: Follower
    outputs: UtxoCache


def build_followed_chain(
    provider: ChainProvider,
    storage: Storage,
    clock: Clock,
    on_error: Callable[[BaseException], None],
    meter: Meter = NO_METER,
    clocks: ClockWatch | None = None,
) -> FollowedChain:
    """Return the provider with a follower, which follows nothing yet, and a cache.

    ``on_error`` gets the follower's unforeseen errors, and ``clocks`` what is seen of the clocks of
    the chain and of other processes. If a provider must be polled and the storage can share,
    processes share the blocks and outputs that they learn.
    """
    network = provider.network
    is_polled = not isinstance(provider, AwaitsBlocks)
    shared = storage if is_polled and isinstance(storage, SharesChain) else None
    feed = None
    if shared is not None:
        on_skew = partial(clocks.process_seen, network) if clocks is not None else _ignore
        feed = FleetFeed(shared, network, clock, lease_seconds=LEASE_SECONDS, on_skew=on_skew)
    follower = Follower(provider, clock, on_error, feed)
    cache = shared if isinstance(shared, SharesOutputs) else None
    outputs = UtxoCache(provider, follower, cache, meter, claim_of=storage.claim)
    chain = FollowedChain(provider, follower, outputs)
    slots = _Slots(chain)
    _measure(chain, slots, clock, meter)
    if clocks is not None and not provider.is_devnet:  # slots of a devnet may run ahead
        _compare_clocks(chain, slots, clocks)
    return chain


class _Slots:
    """The beginning of slots, as known of the network.

    A provider might need a request to say so, just while it does not answer. So that of a network
    of which it is not known is asked only when a block was had.
    """

    def __init__(self, chain: FollowedChain) -> None:
        self._provider = chain.provider
        self._eras = cardano_network(chain.provider.network).eras
        if self._eras is None:
            chain.follower.subscribe(self._learn)

    def begins_at(self, slot: int) -> float | None:
        """Return the Unix seconds at which the slot begins, if that is known."""
        return None if self._eras is None else self._eras.start_ms(slot) / 1000

    def _learn(self, update: ChainUpdate) -> None:
        if update.blocks and self._eras is None:
            with suppress(ChainUnavailable):
                self._eras = self._provider.eras()


def _ignore(ahead: float) -> None:
    """Take in nothing."""


def _compare_clocks(chain: FollowedChain, slots: _Slots, clocks: ClockWatch) -> None:
    """Report when the slots of new blocks begin, and that of the tip."""
    network, provider = chain.provider.network, chain.provider

    def block_seen(update: ChainUpdate) -> None:
        begins = slots.begins_at(update.blocks[-1].point.slot) if update.blocks else None
        if begins is not None:
            clocks.block_seen(network, begins)

    chain.follower.subscribe(block_seen)
    if not isinstance(provider, RemembersTips):
        return

    def tip() -> float | None:
        slot = provider.newest_slot()
        return None if slot is None else slots.begins_at(slot)

    clocks.watch_tip(network, tip)


def _measure(chain: FollowedChain, slots: _Slots, clock: Clock, meter: Meter) -> None:
    """Have the meter show how far following has come."""
    network = chain.provider.network

    def count_blocks(update: ChainUpdate) -> None:
        meter.count(FOLLOWED_BLOCKS, len(update.blocks), network=network)
        meter.count(ROLLED_BACK_BLOCKS, update.rolled_back_to is not None, network=network)

    def lag() -> float:
        tip = chain.follower.tip
        if tip is None:
            return 0.0
        begins = slots.begins_at(tip.point.slot)
        return 0.0 if begins is None else max(0.0, clock.time() - begins)

    chain.follower.subscribe(count_blocks)
    meter.gauge(FOLLOWING, lambda: chain.follower.tip is not None, network=network)
    meter.gauge(FOLLOWER_LAG, lag, network=network)
