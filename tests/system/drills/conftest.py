"""A facilitator over Blockfrost's API of a devnet; what it waits for in an outage is shortened."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from facilitator.api import probe
from facilitator.chain import follower
from facilitator.chain.failover import circuit_breaker, provider_pool
from facilitator.testing.clock import ManualClock
from facilitator.testing.running import NETWORK, NOW
from facilitator_blockfrost import client
from facilitator_devnet.devnet import Devnet
from facilitator_koios import blocks as koios_blocks
from facilitator_koios import client as koios_client
from facilitator_ogmios import chain_sync
from support.drills import POLL_SECONDS, Drill, Provider


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "FIRST_BACKOFF", 0.001)
    monkeypatch.setattr(koios_client, "FIRST_BACKOFF", 0.001)
    monkeypatch.setattr(koios_blocks, "BETWEEN_SECONDS", 0.001)
    monkeypatch.setattr(chain_sync, "FIRST_BACKOFF", 0.001)
    monkeypatch.setattr(chain_sync, "LONGEST_BACKOFF", POLL_SECONDS)
    monkeypatch.setattr(circuit_breaker, "MIN_COOLING_SECONDS", POLL_SECONDS)
    monkeypatch.setattr(circuit_breaker, "MAX_COOLING_SECONDS", POLL_SECONDS)
    monkeypatch.setattr(follower, "_MAX_BACKOFF_SECONDS", POLL_SECONDS)
    # As many seconds as two polls take by default, so that a slow machine loses no block.
    monkeypatch.setattr(follower, "LINGER_POLLS", 40 / POLL_SECONDS)
    monkeypatch.setattr(provider_pool, "IN_USE_SECONDS", 0.0)
    monkeypatch.setattr(probe, "FRESH_SECONDS", 0)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def devnet(clock: ManualClock) -> Iterator[Devnet]:
    with closing(Devnet(NETWORK, clock)) as devnet:
        yield devnet


@pytest.fixture
def start(tmp_path: Path, devnet: Devnet, clock: ManualClock) -> Iterator[Callable[..., Drill]]:
    """Start a facilitator over so many providers of one chain; again, over the same storage."""
    providers: list[Provider] = []
    with ExitStack() as stack:

        def start(
            count: int = 1, dress: str = "blockfrost", others: Sequence[str] = (), **options: Any
        ) -> Drill:
            dresses = [dress, *others, *[dress] * (count - 1 - len(others))]
            providers.extend(
                stack.enter_context(closing(Provider(devnet, each)))
                for each in dresses[len(providers) :]
            )
            drill = Drill(tmp_path, devnet, providers[:count], clock, **options)
            return stack.enter_context(closing(drill))

        yield start
