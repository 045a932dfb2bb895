"""A transaction whose scripts fail spends its collateral, whichever provider is asked."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from typing import Any

import pytest

from facilitator.cardano.transaction import OutputRef
from facilitator.roles.chain import Unknown, Unspent
from facilitator.roles.chain_spenders import FindsSpenders, SpentBy
from facilitator.testing.clock import ManualClock
from facilitator_blockfrost.client import Client
from facilitator_blockfrost.provider import Blockfrost
from facilitator_devnet.blockfrost.api import BlockfrostApi
from facilitator_devnet.devnet import Devnet
from support import koios, ogmios
from support.script_spends import (
    ALICE,
    BAD,
    FEE,
    LOCKED,
    held,
    lock,
    lovelace_at,
    output,
    submit,
    unlock,
)

Provided = tuple[Devnet, Any, Callable[[], None]]
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


@pytest.mark.parametrize("open_provider", [itself, by_blockfrost, by_koios, by_ogmios])
def test_failed_scripts_spend_the_collateral(
    clock: ManualClock,
    open_provider: Callable[[ManualClock], AbstractContextManager[Provided]],
) -> None:
    pytest.importorskip("uplc", reason="the extra [plutus] is not installed")
    with open_provider(clock) as (devnet, provider, catch_up):
        assert isinstance(provider, FindsSpenders)
        (locked,) = lock(devnet, output(BAD.address, LOCKED))
        collateral = held(devnet)[-1]
        back = lovelace_at(devnet, collateral) - 2 * FEE
        more = {16: output(ALICE.address, back), 17: 2 * FEE}
        spend = unlock(devnet, locked, BAD, is_valid=False, collateral=[collateral], more=more)
        name = submit(devnet, spend)
        catch_up()
        found = provider.spender(collateral)
        assert isinstance(found, SpentBy)
        assert found.transaction_id == name.hex()
        assert found.inputs == (collateral,)
        assert [(ref, each.value.lovelace) for ref, each in found.outputs] == [
            (OutputRef(name, 1), back)
        ]
        assert isinstance(provider.spender(locked), Unspent)
        assert isinstance(provider.spender(OutputRef(name, 0)), Unknown)
