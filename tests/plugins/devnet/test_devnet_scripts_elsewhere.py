"""Scripts on the devnet as the plugins of public networks see them, through its faces."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import replace
from typing import Any

import pytest

from facilitator.cardano.transaction import OutputRef
from facilitator.plugin import InBlock, Spent, SpentBy, Unspent
from facilitator.testing.clock import ManualClock
from facilitator.testing.over_devnet import OverDevnet
from facilitator_blockfrost.client import Client
from facilitator_blockfrost.provider import HostedBlockfrost
from facilitator_devnet.blockfrost.api import BlockfrostApi
from facilitator_devnet.devnet import Devnet
from support import koios, ogmios
from support.script_spends import (
    ALICE,
    BAD,
    FEE,
    GOOD,
    LOCKED,
    held,
    lock,
    lovelace_at,
    output,
    unlock,
)

Chain = OverDevnet[Any]


@contextmanager
def blockfrost(clock: ManualClock) -> Iterator[Chain]:
    with closing(Devnet("cardano:preprod", clock)) as devnet, BlockfrostApi(devnet) as api:
        client = Client(f"{api.url}/api", "preprodAny", clock=clock, timeout=60, budget=None)
        provider = HostedBlockfrost("cardano:preprod", client, clock, poll_seconds=0.1)
        with closing(provider):
            yield OverDevnet(provider, devnet)


FACES: dict[str, Callable[[ManualClock], AbstractContextManager[Any]]] = {
    "blockfrost": blockfrost,
    "koios": koios.under_test,
    "ogmios": ogmios.under_test,
}


@pytest.fixture(params=FACES)
def chain(request: pytest.FixtureRequest, clock: ManualClock) -> Iterator[Chain]:
    pytest.importorskip("uplc", reason="the extra [plutus] is not installed")
    with FACES[request.param](clock) as chain:
        yield chain


def test_scripts_are_judged_by_the_node(chain: Chain) -> None:
    good, bad = lock(chain.devnet, output(GOOD.address, LOCKED), output(BAD.address, LOCKED))
    spend = unlock(chain.devnet, good, GOOD)
    assert not chain.provider.evaluate(spend.raw, {})
    (over,) = chain.provider.evaluate(replace(spend, budget=(499, 64_100)).raw, {})
    assert (over.tag, over.item, "its budget is 499" in over.error) == (0, 0, True)
    (failure,) = chain.provider.evaluate(unlock(chain.devnet, bad, BAD).raw, {})
    assert str(failure) == "spending 0: it ends in an error"


def test_a_transaction_that_failed_took_its_collateral(chain: Chain) -> None:
    devnet, provider = chain.devnet, chain.provider
    (ref,) = lock(devnet, output(BAD.address, LOCKED))
    (collateral,) = held(devnet)[-1:]
    chain.make_block()
    before = provider.tip().point
    assert not list(provider.blocks_after(before))
    back = lovelace_at(devnet, collateral) - 2 * FEE
    more = {16: output(ALICE.address, back)}
    spend = unlock(devnet, ref, BAD, is_valid=False, collateral=[collateral], more=more)
    name = provider.submit(spend.raw)
    chain.make_block()
    assert isinstance(provider.transaction(name), InBlock)
    (block,) = provider.blocks_after(before)
    assert block.spent == {collateral}
    returned, never = OutputRef(bytes.fromhex(name), 1), OutputRef(bytes.fromhex(name), 0)
    found = provider.outputs([collateral, ref, returned, never])
    assert isinstance(found[collateral], Spent)
    assert isinstance(found[ref], Unspent)
    assert not isinstance(found[never], Unspent)
    assert isinstance(found[returned], Unspent)
    assert found[returned].output.value.lovelace == back
    spender = provider.spender(collateral)
    assert isinstance(spender, SpentBy)
    assert (spender.transaction_id, spender.inputs) == (name, (collateral,))
    ((made, shown),) = spender.outputs
    assert (made, shown.value.lovelace) == (returned, back)
