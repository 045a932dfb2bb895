from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from facilitator.testing.clock import ManualClock
from facilitator_koios import blocks, client
from facilitator_koios.client import Client
from facilitator_koios.provider import EvaluatingKoios
from support.upstream import Asked, Reply, Upstream, serving

NOW = 1_790_000_000.0
TOKEN = "thisIsNotToBeShown0123456"


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "FIRST_BACKOFF", 0.001)
    monkeypatch.setattr(blocks, "BETWEEN_SECONDS", 0.001)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def upstream() -> Iterator[Callable[[Callable[[Asked], Reply]], Upstream]]:
    """Starts a server that answers as it is set up."""
    with ExitStack() as stack:
        yield lambda answer: stack.enter_context(serving(answer))


@pytest.fixture
def client_of(clock: ManualClock) -> Iterator[Callable[..., Client]]:
    """A client of a server."""
    with ExitStack() as stack:

        def make(upstream: Upstream, timeout: float = 60.0, **options: object) -> Client:
            options = {"clock": clock, **options}
            client = Client(upstream.url, TOKEN, timeout=timeout, **options)  # type: ignore[arg-type]
            stack.callback(client.close)
            return client

        yield make


@pytest.fixture
def provider_of(
    client_of: Callable[..., Client], clock: ManualClock
) -> Callable[..., EvaluatingKoios]:
    """A provider that asks a server."""

    def make(upstream: Upstream, **options: object) -> EvaluatingKoios:
        client = client_of(upstream, **options)
        return EvaluatingKoios("cardano:preprod", client, clock, poll_seconds=0.1)

    return make
