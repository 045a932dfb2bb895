from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from facilitator.testing.clock import ManualClock
from facilitator_blockfrost.client import Client
from facilitator_blockfrost.provider import HostedBlockfrost
from support.upstream import Asked, Reply, Upstream, serving

NOW = 1_790_000_000.0
SECRET = "preprodThisIsNotToBeShown0123456"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def upstream() -> Iterator[Callable[[Callable[[Asked], Reply]], Upstream]]:
    """Starts a server that answers as it is told."""
    with ExitStack() as stack:
        yield lambda answer: stack.enter_context(serving(answer))


@pytest.fixture
def client_of(clock: ManualClock) -> Iterator[Callable[..., Client]]:
    """A client of a server, with a short time-out."""
    with ExitStack() as stack:

        def make(upstream: Upstream, timeout: float = 5.0, **options: object) -> Client:
            options = {"clock": clock, "budget": None, **options}
            client = Client(upstream.url, SECRET, timeout=timeout, **options)  # type: ignore[arg-type]
            stack.callback(client.close)
            return client

        yield make


@pytest.fixture
def provider_of(
    client_of: Callable[..., Client], clock: ManualClock
) -> Callable[..., HostedBlockfrost]:
    """A provider that asks a server."""

    def make(
        upstream: Upstream, network: str = "cardano:preprod", **options: object
    ) -> HostedBlockfrost:
        client = client_of(upstream, **options)
        return HostedBlockfrost(network, client, clock, poll_seconds=0.1)

    return make
