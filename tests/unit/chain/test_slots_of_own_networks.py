"""The lag of following on a network whose slots only its chain provider knows."""

from collections.abc import Callable
from contextlib import closing
from typing import Any

from facilitator.chain.followed_chain import build_followed_chain
from facilitator.observability.metrics import FOLLOWER_LAG
from facilitator.roles.metrics import Gauge, Metric
from facilitator.testing.clock import ManualClock
from facilitator.testing.waiting import eventually
from facilitator.x402.networks import NETWORKS, CardanoNetwork
from facilitator_devnet.devnet import Devnet
from facilitator_memory.storage import MemoryStorage
from support.networks import forgotten_afterwards

NOW = 1_765_000_000.0
PRIVATE = "cardano:private"


class Gauges:
    """A meter that keeps gauges alone."""

    def __init__(self) -> None:
        self.read: dict[Metric, Callable[[], float]] = {}

    def count(self, metric: Metric, amount: float = 1, /, **labels: Any) -> None:
        """Count nothing."""

    def observe(self, metric: Metric, value: float, /, **labels: Any) -> None:
        """Observe nothing."""

    def gauge(self, metric: Gauge, read: Callable[[], float], /, **labels: Any) -> None:  # noqa: ARG002
        """Keep how to read it."""
        self.read[metric] = read


def test_it_is_known_once_a_block_was_had() -> None:
    clock, gauges = ManualClock(NOW), Gauges()
    with forgotten_afterwards():
        NETWORKS.register(CardanoNetwork(PRIVATE, magic=42), "a test")
        devnet = Devnet(PRIVATE, clock)
        with closing(devnet):
            chain = build_followed_chain(devnet, MemoryStorage(), clock, lambda _: None, gauges)
            lag = gauges.read[FOLLOWER_LAG]
            chain.follower.subscribe(lambda _: None, needs=lambda: 1)
            chain.follower.follow()
            with closing(chain.follower):
                clock.advance(100)
                block = devnet.produce_block()
                eventually(lambda: chain.follower.tip and chain.follower.tip.point == block.point)
                clock.advance(7)
                eventually(lambda: lag() >= 7.0)
