"""Who spent an output, by two answers; and by more where those do not show enough."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest

from facilitator.cardano.transaction import OutputRef
from facilitator.roles.chain import Unknown
from facilitator.roles.chain_spenders import SpentBy
from facilitator.testing.clock import ManualClock
from facilitator.testing.over_devnet import OverDevnet
from facilitator_blockfrost.client import Client
from facilitator_blockfrost.provider import Blockfrost
from facilitator_devnet.blockfrost.api import BlockfrostApi
from facilitator_devnet.devnet import Devnet

UTXOS = "GET /txs/{hash}/utxos"
TRANSACTION = "GET /txs/{hash}"
Rows = list[dict[str, Any]]


class Spending(OverDevnet[Blockfrost]):
    """A chain on which one output was just spent."""

    def __init__(self, api: BlockfrostApi, provider: Blockfrost) -> None:
        super().__init__(provider, api.devnet)
        self.api = api
        self.ref = self.fund()
        self.spender_id = provider.submit(self.spend(self.ref))
        self.make_block()
        api.counters.reset()

    def edit(self, change: Callable[[Rows, Rows], Mapping[str, Any]]) -> None:
        """Change the answer on the spender: its inputs and its outputs."""

        def edit(answer: Any) -> Any:
            if answer["hash"] != self.spender_id:
                return answer
            return answer | change(answer["inputs"], answer["outputs"])

        self.api.dress = replace(self.api.dress, edits={UTXOS: edit, **self.api.dress.edits})

    def scripts_fail(self) -> None:
        self.api.dress = replace(
            self.api.dress,
            edits={TRANSACTION: lambda answer: answer | {"valid_contract": False}},
        )

    @property
    def asked(self) -> Mapping[str, int]:
        counts: Mapping[str, int] = self.api.counts()["by_endpoint"]
        return counts


@pytest.fixture
def chain(clock: ManualClock) -> Iterator[Spending]:
    with closing(Devnet("cardano:preprod", clock)) as devnet, BlockfrostApi(devnet) as api:
        client = Client(f"{api.url}/api", "preprodX", clock=clock, timeout=10, budget=None)
        with closing(Blockfrost("cardano:preprod", client, clock, poll_seconds=0.1)) as provider:
            yield Spending(api, provider)


def test_a_spender_costs_two_calls(chain: Spending) -> None:
    found = chain.provider.spender(chain.ref)
    assert isinstance(found, SpentBy)
    assert found.transaction_id == chain.spender_id
    assert chain.asked == {UTXOS: 2}


def as_collateral(inputs: Rows, outputs: Rows) -> Mapping[str, Any]:
    other = {**inputs[0], "tx_hash": "cd" * 32}
    return {
        "inputs": [other, {**inputs[0], "collateral": True}],
        "outputs": [*outputs[:1], {**outputs[1], "collateral": True}],
    }


def test_failed_scripts_take_the_collateral(chain: Spending) -> None:
    """The answer shows that the output was taken as collateral, so that nothing is asked."""
    chain.edit(as_collateral)
    found = chain.provider.spender(chain.ref)
    assert isinstance(found, SpentBy)
    assert found.inputs == (chain.ref,)
    made = OutputRef(bytes.fromhex(chain.spender_id), 1)
    assert [ref for ref, _ in found.outputs] == [made]
    assert chain.asked == {UTXOS: 2}


@pytest.mark.parametrize("fails", [False, True])
def test_an_input_that_is_collateral_too_is_asked_about(chain: Spending, fails: bool) -> None:
    if fails:
        chain.scripts_fail()
    chain.edit(
        lambda inputs, outputs: {
            "inputs": [inputs[0], {**inputs[0], "collateral": True}],
            "outputs": [outputs[0], {**outputs[1], "collateral": True}],
        }
    )
    found = chain.provider.spender(chain.ref)
    assert isinstance(found, SpentBy)
    assert [ref.index for ref, _ in found.outputs] == [1 if fails else 0]
    assert chain.asked == {UTXOS: 2, TRANSACTION: 1}


def test_inputs_that_are_only_read_are_not_taken(chain: Spending) -> None:
    chain.edit(
        lambda inputs, _: {
            "inputs": [inputs[0], {**inputs[0], "tx_hash": "cd" * 32, "reference": True}]
        }
    )
    found = chain.provider.spender(chain.ref)
    assert isinstance(found, SpentBy)
    assert found.inputs == (chain.ref,)


def test_a_spender_that_is_not_there_yet_is_not_known(chain: Spending) -> None:
    """Its server answered from two machines, or a rollback came between."""
    chain.provider.spender(chain.ref)
    chain.edit(lambda inputs, _: {"inputs": [{**inputs[0], "tx_hash": "cd" * 32}]})
    assert isinstance(chain.provider.spender(chain.ref), Unknown)
    made = OutputRef(bytes.fromhex(chain.spender_id), 0)
    ghost = {
        UTXOS: lambda answer: (
            answer
            | {"outputs": [{**row, "consumed_by_tx": "ef" * 32} for row in answer["outputs"]]}
        )
    }
    chain.api.dress = replace(chain.api.dress, edits=ghost)
    assert isinstance(chain.provider.spender(made), Unknown)


def test_outputs_with_scripts_come_from_the_spenders_bytes(chain: Spending) -> None:
    chain.edit(lambda _, outputs: {"outputs": [{**outputs[0], "reference_script_hash": "ab" * 28}]})
    found = chain.provider.spender(chain.ref)
    assert isinstance(found, SpentBy)
    assert len(found.outputs) == 2
    assert chain.asked == {UTXOS: 2, "GET /txs/{hash}/cbor": 1}
