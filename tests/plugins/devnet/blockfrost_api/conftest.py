"""A devnet behind its API, which makes blocks only when told to."""

from collections.abc import Callable, Iterator

import pytest

from facilitator.testing.clock import ManualClock
from facilitator_devnet.blockfrost.api import BlockfrostApi
from facilitator_devnet.devnet import Devnet
from facilitator_devnet.genesis import wallets
from facilitator_devnet.wallet import pay
from support.blockfrost_api_client import BlockfrostApiClient

NETWORK = "cardano:preprod"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(1_790_000_000.0)


@pytest.fixture
def devnet(clock: ManualClock) -> Iterator[Devnet]:
    devnet = Devnet(NETWORK, clock)
    yield devnet
    devnet.close()


@pytest.fixture
def api(devnet: Devnet) -> Iterator[BlockfrostApi]:
    with BlockfrostApi(devnet) as api:
        yield api


@pytest.fixture
def client(api: BlockfrostApi) -> Iterator[BlockfrostApiClient]:
    with BlockfrostApiClient(api.url) as client:
        yield client


@pytest.fixture
def payment(devnet: Devnet) -> Callable[..., bytes]:
    """Makes a signed payment to the merchant from what the sender has."""

    def make(amount: int = 2_000_000, *, sender: str = "alice") -> bytes:
        people = wallets(NETWORK)
        return pay(
            people[sender],
            devnet.outputs_at(people[sender].address),
            people["merchant"].address,
            amount,
            parameters=devnet.parameters(),
            ttl=devnet.tip().point.slot + 1000,
        )

    return make
