from collections.abc import Callable, Iterator

import pytest

from facilitator.testing.clock import ManualClock
from facilitator_devnet.devnet import Devnet
from facilitator_devnet.genesis import wallets
from facilitator_devnet.wallet import pay

NOW = 1_790_000_000.0


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def devnet(clock: ManualClock) -> Iterator[Devnet]:
    devnet = Devnet("cardano:preprod", clock)
    yield devnet
    devnet.close()


@pytest.fixture
def payment() -> Callable[..., bytes]:
    """Makes a signed payment to the merchant from what the sender has on a devnet."""

    def make(
        devnet: Devnet,
        amount: int = 2_000_000,
        *,
        sender: str = "alice",
        valid_slots: int = 300,
        asset: bytes | None = None,
    ) -> bytes:
        people = wallets(devnet.network)
        return pay(
            people[sender],
            devnet.outputs_at(people[sender].address),
            people["merchant"].address,
            amount,
            parameters=devnet.parameters(),
            ttl=devnet.tip().point.slot + 1 + valid_slots,
            asset=asset,
        )

    return make
