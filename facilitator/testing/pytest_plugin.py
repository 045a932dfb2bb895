"""The fixtures of ``facilitator.testing``, for tests of plugins.

A distribution names this module by the option ``-p``. An entry point of pytest would have it
rewrite the assertions of all modules of the facilitator, of which nothing is imported before a test
uses one of the fixtures.
"""

from __future__ import annotations

from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, Any, Protocol

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from facilitator.testing.clock import ManualClock
    from facilitator.testing.faults import Faults
    from facilitator.testing.payments import Payer
    from facilitator.testing.redis_server import RedisServer
    from facilitator.testing.running import Running
    from facilitator_devnet.devnet import Devnet
    from facilitator_devnet.wallet import Wallet


class RunFacilitator(Protocol):
    """A function that starts facilitators."""

    def __call__(
        self,
        *,
        clock: ManualClock | None = None,
        real_time: bool = False,
        faults: Mapping[str, Faults] | None = None,
        **settings: Any,
    ) -> Running:
        """Start one with these settings: ``plugins="devnet,memory"``, ``server__threads=8``.

        Its clock stands still, and its devnet makes no block by itself, unless ``real_time``.
        """
        ...


class MakePayer(Protocol):
    """A function that makes payers."""

    def __call__(self, running: Running, wallet: Wallet | None = None) -> Payer:
        """Return a payer with a wallet of the devnet, ``alice`` unless given."""
        ...


@pytest.fixture
def run_facilitator(tmp_path: Path) -> Iterator[RunFacilitator]:
    """Start facilitators with any plugins and settings, on free ports, until the test ends."""
    from facilitator.chain import follower
    from facilitator.testing.running import Running

    with ExitStack() as stack:
        # Have a follower that waits for a block look up often, so that no end waits for it.
        stack.enter_context(pytest.MonkeyPatch.context()).setattr(follower, "_AWAIT_SECONDS", 0.05)

        def start(
            *,
            clock: ManualClock | None = None,
            real_time: bool = False,
            faults: Mapping[str, Faults] | None = None,
            **settings: Any,
        ) -> Running:
            environ = {f"FACILITATOR_{key.upper()}": str(each) for key, each in settings.items()}
            running = Running(
                tmp_path, settings=environ, clock=clock, real_time=real_time, faults=faults or {}
            )
            stack.callback(running.close)
            return running

        yield start


@pytest.fixture
def make_payer() -> MakePayer:
    """Return a function that makes payers of a running facilitator."""
    from facilitator.testing.payments import ALICE, Payer

    def make(running: Running, wallet: Wallet | None = None) -> Payer:
        return Payer(running, wallet or ALICE)

    return make


@pytest.fixture
def frozen_clock() -> ManualClock:
    """Return a clock that stands still until the test moves it."""
    from facilitator.testing.clock import ManualClock
    from facilitator.testing.running import NOW

    return ManualClock(NOW)


@pytest.fixture
def lone_devnet(frozen_clock: ManualClock) -> Iterator[Devnet]:
    """Yield a devnet by itself, by the time of ``frozen_clock``, without a facilitator."""
    from facilitator.testing.running import NETWORK
    from facilitator_devnet.devnet import Devnet

    with closing(Devnet(NETWORK, frozen_clock)) as devnet:
        yield devnet


@pytest.fixture
def devnet_wallets() -> Mapping[str, Wallet]:
    """Return the wallets that every devnet funds: ``alice``, ``bob``, ``carol``, ``merchant``."""
    from facilitator.testing.running import NETWORK
    from facilitator_devnet.genesis import wallets

    return wallets(NETWORK)


@pytest.fixture
def part_faults() -> Mapping[str, Faults]:
    """Return faults to pass to ``run_facilitator``, by hook: ``storage``, ``chain_provider``."""
    from facilitator.testing.faults import Faults

    return {"storage": Faults(), "chain_provider": Faults()}


@pytest.fixture(scope="session")
def _redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    from facilitator.testing import redis_server

    if redis_server.BINARY is None:
        pytest.skip(redis_server.NO_SERVER)
    with redis_server.running(tmp_path_factory.mktemp("redis") / "server") as server:
        yield server


@pytest.fixture
def empty_redis(_redis: RedisServer) -> RedisServer:
    """Return a Redis or Valkey server without a key, or skip the test if there is no binary."""
    _redis.command("FLUSHALL")
    return _redis
