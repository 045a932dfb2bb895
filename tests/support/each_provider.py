"""Each provider that finds spenders, over a devnet."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from typing import Any, TypeAlias

from facilitator.testing.clock import ManualClock
from facilitator_blockfrost.client import Client
from facilitator_blockfrost.provider import Blockfrost
from facilitator_devnet.blockfrost.api import BlockfrostApi
from facilitator_devnet.devnet import Devnet
from support import koios, ogmios

Provided: TypeAlias = tuple[Devnet, Any, Callable[[], None]]
"""A devnet, a provider of it, and what waits until that knows of the newest block."""


@contextmanager
def itself(clock: ManualClock) -> Iterator[Provided]:
    with closing(Devnet("cardano:preprod", clock)) as devnet:
        yield devnet, devnet, lambda: None


@contextmanager
def by_blockfrost(clock: ManualClock) -> Iterator[Provided]:
    with closing(Devnet("cardano:preprod", clock)) as devnet, BlockfrostApi(devnet) as api:
        client = Client(f"{api.url}/api", "preprodX", clock=clock, timeout=10, budget=None)
        with closing(Blockfrost("cardano:preprod", client, clock, poll_seconds=0.1)) as provider:
            yield devnet, provider, lambda: None


@contextmanager
def by_koios(clock: ManualClock) -> Iterator[Provided]:
    with koios.under_test(clock) as chain:
        yield chain.devnet, chain.provider, lambda: None


@contextmanager
def by_ogmios(clock: ManualClock) -> Iterator[Provided]:
    with ogmios.under_test(clock) as chain:
        yield chain.devnet, chain.provider, chain.catch_up


OpensProvider: TypeAlias = Callable[[ManualClock], AbstractContextManager[Provided]]
EACH_PROVIDER: list[OpensProvider] = [itself, by_blockfrost, by_koios, by_ogmios]
