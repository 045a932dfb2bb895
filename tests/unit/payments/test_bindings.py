"""A name is taken from a payment whose claim is gone, just when that payment comes again."""

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import cast

import pytest

from facilitator.payments.bindings import Bindings, Holder, Name
from facilitator.roles.chain import ChainProvider, NotFound, TransactionStatus
from facilitator.testing.clock import ManualClock
from facilitator.testing.examples import example_claim
from facilitator.testing.running import NETWORK, NOW
from facilitator_memory.storage import MemoryStorage

LATER = NOW + 1000
FIRST, SECOND = (Name("key", "", name * 32, NETWORK) for name in ("aa", "bb"))


class Absent:
    """A chain that has nothing; something happens while it is asked."""

    def __init__(self) -> None:
        self.meanwhile: Callable[[], object] = lambda: None

    def transaction(self, _: str) -> TransactionStatus:
        self.meanwhile()
        return NotFound()


@pytest.fixture
def storage() -> Iterator[MemoryStorage]:
    with closing(MemoryStorage()) as storage:
        yield storage


@pytest.fixture
def chain() -> Absent:
    return Absent()


@pytest.fixture
def bindings(storage: MemoryStorage, chain: Absent) -> Bindings:
    providers = {NETWORK: cast(ChainProvider, chain)}
    return Bindings(storage, providers, ManualClock(NOW), lambda claim: claim)


def test_a_name_goes_on_when_nothing_is_left_of_its_payment(bindings: Bindings) -> None:
    assert bindings.bind(FIRST, LATER) is None
    assert bindings.bind(SECOND, LATER) is None
    assert bindings.bind(FIRST, LATER) is None


def test_a_payment_that_comes_again_meanwhile_keeps_its_name(
    bindings: Bindings, storage: MemoryStorage, chain: Absent
) -> None:
    """It finds the name its own, as it was, and is submitted."""
    assert bindings.bind(FIRST, LATER) is None

    def comes_again() -> None:
        storage.add_claim(example_claim(transaction_id=FIRST.transaction_id))
        assert bindings.bind(FIRST, LATER) is None

    chain.meanwhile = comes_again
    assert bindings.bind(SECOND, LATER) == Holder(FIRST.transaction_id, "pending")
    assert storage.bound_to("key", NOW) == FIRST.value
