"""A devnet behind its API, which makes blocks only when told to."""

from collections.abc import Callable, Iterator

import pytest

from facilitator.testing.clock import ManualClock
from facilitator_devnet.blockfrost.face import Face
from facilitator_devnet.devnet import Devnet
from facilitator_devnet.genesis import wallets
from facilitator_devnet.wallet import pay
from support.face_client import FaceClient

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
def face(devnet: Devnet) -> Iterator[Face]:
    with Face(devnet) as face:
        yield face


@pytest.fixture
def client(face: Face) -> Iterator[FaceClient]:
    with FaceClient(face.url) as client:
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
